"""Close the business of the day over all plans: interest, late fees, how late each plan is.

**Purpose.** Posts the interest that accrues on the run's day and the late fees that fall on it, and moves plans into
the bucket of their days past due. Days that were missed are closed first, one by one.

**A rerun** of the same day finds it closed and does nothing; after an interruption it does what is left.

**When it is red**: lending on call. What is done stands, chunk by chunk, and the next run goes on from there. A payment
needs no closed day: it brings its own plan's interest up to date.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A run started by hand without a date is one of the day it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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

    close()


close_of_business()
