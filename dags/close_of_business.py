"""Close the business day for all plans: interest, late fees and delinquency; and end reviews whose time ran out.

**Purpose.** Runs every day at 23:30 UTC. Posts the interest that accrues and the late fees that fall due on the run's
day, and moves each plan into the bucket of its days past due. Days that were missed are closed first, in order.
A case that nobody decided in time is escalated or declined, as the terms of its queue say.

**A rerun** of a closed day does nothing; after an interruption it completes the rest.

**When it is red**: call lending. Work is committed in chunks, and the next run continues after the last one. Payments
can still be taken: each payment brings the interest of its own plan up to date.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A manual run without a date is for the day on which it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="30 23 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "lending"},
    tags=["money"],
)
def close_of_business() -> None:
    @task.bash(cwd=REPOSITORY)
    def close() -> str:
        return f"tranche lending close-of-business --date {DAY}"

    @task.bash(cwd=REPOSITORY)
    def sweep_reviews() -> str:
        return "tranche serving referrals sweep"

    close()
    sweep_reviews()


close_of_business()
