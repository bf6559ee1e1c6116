"""Random bank histories as they arrive: late, repeated, shuffled, corrected, with moments that fall on their edges."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

START = datetime(1995, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PURPOSES = [
    "interest",
    "statement_fee",
    "household",
    "pension",
    "insurance",
    "loan_instalment",
    "leasing",
    "penalty_interest",
    "salary",
    "rent",
    "groceries",
    "instalment",
    "other",
]
OPERATIONS = ["cash_in", "cash_out", "card", "transfer_in", "transfer_out", "none"]


def a_history(random: Random, account_id: str) -> list[dict[str, Any]]:
    """The bank transactions of one account, in no order, some of them more than once."""
    rows: list[dict[str, Any]] = []
    for number in range(random.choice([0, 1, 2, 5, 20, 60])):
        occurred_at = START + random.randrange(260) * DAY
        if random.random() < 0.3:
            occurred_at += timedelta(microseconds=random.randrange(86_400_000_000))
        late = random.choice([1, 1, 1, 2, 40])
        rows.append(
            {
                "event_id": f"{account_id}:{number}",
                "account_id": account_id,
                "occurred_at": occurred_at,
                "recorded_at": occurred_at + late * DAY,
                "sequence": random.randrange(4),
                "direction": random.choice(["credit", "debit"]),
                "amount_minor": random.randrange(0, 5_000_00),
                "balance_after_minor": None if random.random() < 0.1 else random.randrange(-500_00, 9_000_00),
                "operation": random.choice(OPERATIONS),
                "purpose": random.choice(PURPOSES),
            }
        )
    corrections = [
        row | {"event_id": f"{row['event_id']}:corrected", "recorded_at": row["recorded_at"] + 9 * DAY,
               "amount_minor": row["amount_minor"] + 1, "balance_after_minor": 77}
        for row in rows if random.random() < 0.1
    ]  # fmt: skip
    repeated = [row for row in rows if random.random() < 0.2]
    changed = [row | {"recorded_at": row["recorded_at"] + 3 * DAY, "amount_minor": 1} for row in rows[::17]]
    arriving = rows + corrections + repeated + changed
    random.shuffle(arriving)
    return arriving


def moments_of(random: Random, history: list[dict[str, Any]]) -> list[datetime]:
    """Moments before, within and after a history, some of them exactly on an event or a window's edge."""
    moments = [START + random.randrange(-5, 500) * DAY for _ in range(3)]
    if history:
        event = random.choice(history)
        moments += [
            event["occurred_at"],
            event["recorded_at"],
            event["occurred_at"] + random.choice([30, 90, 180]) * DAY,
        ]
    return moments


def once(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first-known row of each event, as curation keeps it."""
    kept: dict[str, dict[str, Any]] = {}
    for row in sorted(history, key=lambda each: each["recorded_at"]):
        kept.setdefault(row["event_id"], row)
    return list(kept.values())


def told_of(random: Random, name: str) -> dict[str, list[dict[str, Any]]]:
    """All events of one applicant by source, unordered, some of them repeated."""
    return {"bank_transactions": a_history(random, name)} | {
        source: _facts(random, source, {"shopper_id": name, "merchant_id": name, **of}) for source, of in _OWN.items()
    }


def sold_by(random: Random, name: str) -> dict[str, list[dict[str, Any]]]:
    """What a merchant sold and took back."""
    return {source: _facts(random, source, {"merchant_id": name}) for source in ("sales", "taken_back")}


_OWN: dict[str, dict[str, Any]] = {
    "applications": {},
    "orders": {},
    "refunds": {},
    "plans": {"principal_minor": (1, 900_00)},
    "instalments": {"open_change_minor": (-300_00, 300_00), "days_past_due": (0, 9)},
    "attempts": {},
    "repayments": {},
}


def _facts(random: Random, source: str, of: dict[str, Any]) -> list[dict[str, Any]]:
    """Our own facts come at once, or late by an outage; told again they are the same."""
    rows: list[dict[str, Any]] = []
    for number in range(random.choice([0, 0, 1, 3, 25])):
        occurred_at = START + random.randrange(260 * 24) * timedelta(hours=1)
        drawn = {name: random.randint(*value) if isinstance(value, tuple) else value for name, value in of.items()}
        rows.append(
            {
                "event_id": f"{source}:{of['merchant_id']}:{number}",
                "occurred_at": occurred_at,
                "recorded_at": occurred_at + random.choice([timedelta(0), timedelta(seconds=5), 5 * DAY]),
                "sequence": number,
                "amount_minor": random.randrange(1, 900_00),
                "status": random.choice(["open", "settled", "cancelled"]),
                "due_on": (occurred_at + random.randrange(-20, 60) * DAY).date(),
                "move": random.choice(["captured", "refused", "returned", "cash_seen", "claim_lost"]),
            }
            | drawn
        )
    arriving = rows + [row for row in rows if random.random() < 0.2]
    random.shuffle(arriving)
    return arriving
