"""Seal the journal's final entries, then verify the books by deriving everything again from the transfers.

**Purpose.** Runs every day at 09:30 UTC. Adds the entries that have become final to the chain of seals. Then derives
each balance, hold and seal from the recorded transfers, and compares it with the one stored in the ledger.

**A rerun** seals entries that have become final since, if any, and verifies again.

**When it is red**: call finance and engineering at once, and pause collection. The report names the account and the
entry. Do not repair anything by hand: a correction is a further entry.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="30 9 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "finance"},
    tags=["money"],
)
def verify_ledger() -> None:
    @task.bash(cwd=REPOSITORY)
    def seal() -> str:
        return "tranche ledger seal"

    @task.bash(cwd=REPOSITORY)
    def verify() -> str:
        return "tranche ledger verify"

    seal() >> verify()


verify_ledger()
