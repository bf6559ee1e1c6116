"""The partitioning of the lake's tables; docs/decisions/0038 has the measurements. Tables not listed are small.

Iceberg's partitions are hidden: a query by `occurred_at` or `account_id` skips files without matching rows, and needs
no partition column.

Events that arrive as they happen are partitioned by event day, since a batch touches a day or two. Bank transactions
arrive and are read as histories, years of an account at once: raw by month, curated by account.
"""

_PARTITIONS = {
    "raw.bank_transactions": "months(occurred_at)",
    "curated.bank_transactions": "bucket(8, account_id)",
    "raw.order_lines": "days(occurred_at)",
    "curated.order_lines": "days(occurred_at)",
}


def partitions(table: str) -> str:
    """The PARTITIONED BY expression of a table, given its name without prefix; empty if it is not partitioned."""
    return _PARTITIONS.get(table, "")
