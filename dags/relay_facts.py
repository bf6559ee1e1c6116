"""Publish the platform's own facts to the stream.

**Purpose.** Runs every five minutes. Publishes every decision, plan, change of an instalment, attempt, repayment,
settlement line and ledger entry committed since the last run to the stream, at least once, and in order for each plan.

**A rerun** continues where the last run stopped. After a run was killed, the next one may publish some facts again; the
lake recognises them by their ids and parks the duplicates.

**When it is red** for ten minutes: call the data platform team. Nothing is lost, because facts wait in the database;
the report gives their number and the age of the oldest. A long-running database transaction holds back all facts
recorded after it.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="*/5 * * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "data-platform"},
    tags=["lake"],
)
def relay_facts() -> None:
    @task.bash(cwd=REPOSITORY)
    def relay() -> str:
        return "tranche pipelines relay"

    relay()


relay_facts()
