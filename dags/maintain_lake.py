"""Remove rows past their retention from the lake, and compact and clean its tables.

**Purpose.** Runs every night at 03:30 UTC. Removes the rows whose retention has passed on the run's day from every
layer, then compacts small files, expires old snapshots and deletes unreferenced files. A model's training data is kept
until the model is retired, except for rows whose retention has passed; its manifest then says how many were removed.

**A rerun** of the same day finds less to do, or nothing; the next run completes a run that was killed.

**When it is red**: call the data platform team. No current data is lost: each table is as it was before, or already
maintained. If a contract's retention cannot be read, the log names the contract and the field.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A manual run without a date is for the day on which it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="30 3 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "data-platform"},
    tags=["lake"],
)
def maintain_lake() -> None:
    @task.bash(cwd=REPOSITORY)
    def retain() -> str:
        return f"tranche pipelines retain --as-of {DAY}"

    @task.bash(cwd=REPOSITORY)
    def amend() -> str:
        return "tranche models amend-training-sets"

    @task.bash(cwd=REPOSITORY)
    def maintain() -> str:
        return "tranche pipelines maintain"

    retain() >> amend() >> maintain()


maintain_lake()
