"""Invented granted loans as lake tables, whose default risk really depends on the lowest balance."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features import catalog
from models.memory import MemoryTrainingTables

START = date(2024, 1, 1)
TRAIN_UNTIL, TEST_UNTIL = date(2024, 6, 30), date(2024, 9, 30)


def some_frames(
    loans: int = 300, *, seed: int = 3, source: str = "seeded", dated: bool = True
) -> dict[str, pd.DataFrame]:
    """One application a day or more from 2024-01-01 on, over nine months; about a third default."""
    random = np.random.default_rng(seed)
    days = [START + timedelta(days=int(270 * number / loans)) for number in range(loans)]
    moments = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    ids = [f"{source}-{number:04}" for number in range(loans)]
    vectors = {
        name: np.where(random.random(loans) < 0.05, np.nan, random.normal(0, 100_00, loans))
        for name in (each.name for each in catalog.LAKE_FEATURES if each.name in catalog.MODEL_FEATURES)
    }
    lowest = random.normal(0, 100_00, loans)
    vectors["balance_low_90d"] = lowest
    bad = random.random(loans) < 1 / (1 + np.exp(0.8 + lowest / 40_00))
    applications = pd.DataFrame(
        {
            "application_id": [f"app-{each}" for each in ids],
            "source": source,
            "account_id": ids,
            "applied_at": pd.Series(moments, dtype="datetime64[us, UTC]"),
            "amount_minor": random.integers(100_00, 900_00, loans),
            "product": np.where(random.random(loans) < 0.3, "pay_in_3", "monthly"),
            "duration_months": 12,
        }
    )
    known = [moment + timedelta(days=90) for moment in moments] if dated else [None] * loans
    return {
        "curated.credit_applications": applications,
        "curated.granted_loans": pd.DataFrame({"loan_id": ids, "application_id": applications["application_id"]}),
        "curated.loan_outcomes": pd.DataFrame(
            {
                "loan_id": ids,
                "status": np.where(bad, "finished_unpaid", "finished_paid"),
                "recorded_at": pd.Series(known, dtype="datetime64[us, UTC]"),
            }
        ),
        "features.applicant": pd.DataFrame(
            {
                "account_id": ids,
                "as_of": applications["applied_at"],
                "feature_set_digest": catalog.feature_set_digest(),
                **vectors,
            }
        ),
    }


def some_tables(**changes: Any) -> MemoryTrainingTables:
    return MemoryTrainingTables(some_frames(**changes))


def outcomes(*rows: tuple[str, str, datetime | None]) -> MemoryTrainingTables:
    """A lake that holds only these outcomes: loan, status, when recorded."""
    frame = pd.DataFrame(rows, columns=["loan_id", "status", "recorded_at"])
    frame["recorded_at"] = pd.to_datetime(frame["recorded_at"], utc=True)
    return MemoryTrainingTables({"curated.loan_outcomes": frame})
