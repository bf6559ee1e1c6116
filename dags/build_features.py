"""Curate the lake, build each applicant's features and publish them to serving.

**Purpose.** Runs every night at 02:00 UTC. Builds curated tables from raw events and publishes them only if they pass
the contracts' aggregate rules. Then computes features as of each application, and for each merchant as of the day, from
events known before that time only, and publishes the newest vectors to the database that the decision API reads.

**A rerun** from the same snapshots computes the same and changes nothing.

**When it is red**: call data science. If the task `feeds` is red, its log names the feed that has not arrived by its
usual time; the other tasks continue with the events available, so that there is time to ask the feed's producer. If the
task `curate` is red, its log names the broken rule and the figure found; that curated table is unchanged, and decisions
use yesterday's vectors and record their age.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
NOW = "{{ (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%dT%H:%M:%S') }}"
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="0 2 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "data-science"},
    tags=["features"],
)
def build_features() -> None:
    @task.bash(cwd=REPOSITORY)
    def feeds() -> str:
        return f"tranche pipelines feeds --at {NOW}"

    # A late feed does not stop the run; a red gate does.
    @task.bash(cwd=REPOSITORY, trigger_rule="all_done")
    def curate() -> str:
        return "tranche pipelines curate"

    @task.bash(cwd=REPOSITORY)
    def build() -> str:
        return "tranche pipelines build-features"

    @task.bash(cwd=REPOSITORY)
    def build_merchants() -> str:
        return f"tranche pipelines build-features --entity merchant --as-of {DAY}"

    @task.bash(cwd=REPOSITORY)
    def publish() -> str:
        return "tranche pipelines publish-features"

    feeds() >> curate() >> build() >> build_merchants() >> publish()


build_features()
