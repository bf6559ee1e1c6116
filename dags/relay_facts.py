"""Publish the platform's own facts to the stream.

**Purpose.** Every decision, plan, change of an instalment, attempt, repayment, settlement line and ledger entry that
was committed since the last run goes onto the stream, at least once and in the order of its plan.

**A rerun** goes on where the last run stopped. One that was killed publishes a page again; the lake knows the facts by
their ids and parks the second one.

**When it is red** for ten minutes: data platform on call. Nothing is lost, facts wait in the database; the report says
how many and how old the oldest is. A transaction that does not end holds everything behind it back.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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
