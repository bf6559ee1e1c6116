"""Keep the lake in shape, and let go of what is past its retention.

**Purpose.** Removes the rows whose retention has passed on the run's day from every layer, then puts small files
together, expires old snapshots and deletes files that nothing reaches. What a model was trained on stays until the
model is retired, except for rows whose retention has passed; the manifests then say how many went.

**A rerun** of the same day finds less to do, or nothing; a run that was killed is finished by the next one.

**When it is red**: data platform on call. Nothing that anyone reads is lost: a table is as it was, or in better
shape. A contract whose retention cannot be read is named with its field.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A run started by hand without a date is one of the day it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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
