"""Take new events from the stream into the lake.

**Purpose.** Reads the stream from where the last committed batch stopped up to now, checks each event against its
contract and commits it to the raw tables; what breaks a contract goes to quarantine, what was seen before is parked.
Then every fact that the platform has sent must be there.

**A rerun** takes what has arrived since, which may be nothing. A run that was killed is finished by the next one: no
event is lost and none is counted twice. Beside a running `tranche pipelines follow`, or another run, it waits for its
turn.

**When it is red** for an hour: data platform on call. The log names the stream, the batch and the rule, or the facts
that have not come. Until it is green, features grow old and decisions say so; nothing has to be undone.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
@dag(
    schedule="15 * * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "data-platform"},
    tags=["lake"],
)
def ingest_events() -> None:
    @task.bash(cwd=REPOSITORY)
    def ingest() -> str:
        return "tranche pipelines ingest"

    @task.bash(cwd=REPOSITORY)
    def completeness() -> str:
        return "tranche pipelines completeness --journal outbox"

    ingest() >> completeness()


ingest_events()
