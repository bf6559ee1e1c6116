"""Seal what is final of the journal, then prove the books: everything that follows from it is derived again.

**Purpose.** Chains the day's final entries to those before them; then derives each balance, hold and seal from the
recorded transfers and compares it with what the ledger keeps.

**A rerun** seals what has become final since, which is nothing or a little, and reads again.

**When it is red**: finance and engineering at once, and collection is paused. The report names the account and the
entry. Nothing is repaired by hand: a correction is a further entry.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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
