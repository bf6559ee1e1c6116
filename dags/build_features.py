"""Curate the lake, build each applicant's features and publish them to serving.

**Purpose.** Raw events become curated tables, which the contracts' aggregate rules must pass before anyone reads
them; features are computed as of each application, and of each merchant as of the day, from earlier events only; the
newest vectors go to the database that decisions read.

**A rerun** computes the same from the same snapshots and changes nothing.

**When it is red**: data science on call. A red task `feeds` names the feed that has not come when it usually does; the
rest of the run goes on with what there is, so that there is time to ask its producer. A refused gate names the rule
and the figure; the curated tables then stay as they were and decisions go on with yesterday's vectors, whose age each
decision records.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
NOW = "{{ (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%dT%H:%M:%S') }}"
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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

    # Late news is no reason to stop, as a red gate is.
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
