"""Every flow of the money map with an example, written out by hand: what is given, debited and credited."""

from pathlib import Path

NUMBERED = """
F01 F02 F02t F03 F04 F05 F06 F07a F07b F07c F08 F09 F10 F11 F12a F12b F12c F13a F13b F13c F13d F14a F14b F14c F14d F15
F16a F16b F17 F17w F18 F19a F19b F19c F20 F21a F21b F21c F22 F23 F24 F25 F26a F26b F26c F26d F26e F27a F27b F28 F28m
F29 F30 F31 F32 F33 F34 F35a F35b F35c F35d F36a F36b F37a F37b F38 F39 F40 F41 F41c F42 F43 F44 F45 F46 F47 F48 F49
"""
ADDED = "F02v F06a F17p F19d F24h F24f F25a F25b F25c F25d F25e F25f F32p F33b F40r F43b F43p F45c FREE"
WITHOUT_TRANSFERS = {"F13a", "F38", "FREE"}

SHORT = {
    "principal": "plan:p-1:principal",
    "interest": "plan:p-1:interest_rcv",
    "fees": "plan:p-1:fee_rcv",
    "deferred_discount": "plan:p-1:deferred_discount",
    "deferred_fees": "plan:p-1:deferred_fees",
    "payable": "merchant:m-1:payable",
    "receivable": "merchant:m-1:receivable",
    "in_transit": "merchant:m-1:in_transit",
    "merchant_reserve": "merchant:m-1:reserve",
    "clearing": "provider:sim:clearing",
    "provider_reserve": "provider:sim:reserve",
    "bank": "bank:main",
    "in_flight": "rail:card:sim:in_flight",
    "returns": "rail:card:sim:returns",
    "claimed": "dispute:sim:receivable",
    "claim_owed": "dispute:sim:payable",
    "provisional": "dispute:provisional",
    "credit": "shopper:s-1:credit_balance",
    "refund": "shopper:s-1:refund_payable",
    "disbursement": "shopper:s-1:disbursement_payable",
    "facility": "facility:f-1",
    "owed_by_law": "memo:charged_off",
    "owed_contra": "memo:charged_off_contra",
}

Amounts = dict[str, int]


def rows() -> list[tuple[str, Amounts, Amounts, Amounts]]:
    """Flow, amounts given, debits and credits by account, in whole pounds."""
    lines = Path(__file__).with_name("flow_rows.txt").read_text(encoding="utf-8").splitlines()[1:]
    split = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [(flow, _amounts(given), _sides(debits), _sides(credits_)) for flow, given, debits, credits_ in split]


def _amounts(cell: str) -> Amounts:
    return {name: int(amount) for name, amount in (each.split() for each in cell.split(", "))}


def _sides(cell: str) -> Amounts:
    return {SHORT.get(name, name): amount for name, amount in _amounts(cell).items()}
