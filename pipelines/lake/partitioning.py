"""How each table of the lake is laid out, where it is more than one heap; docs/decisions/0038 has the figures.

Partitions are hidden: whoever asks by `occurred_at` or `account_id` is spared the files that cannot hold an answer, and
no column has to be named for that. A table that is not here is small.

What arrives as it happens lies by event day: a batch touches a day or two. Bank transactions arrive as histories, years
of an account at once, and are read as histories: raw they lie by month, curated by account.
"""

_PARTITIONS = {
    "raw.bank_transactions": "months(occurred_at)",
    "curated.bank_transactions": "bucket(8, account_id)",
    "raw.order_lines": "days(occurred_at)",
    "curated.order_lines": "days(occurred_at)",
}


def partitions(table: str) -> str:
    """What stands behind PARTITIONED BY for a table by its plain name; empty for one heap."""
    return _PARTITIONS.get(table, "")
