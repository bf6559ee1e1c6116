"""Take new events from the stream into the lake.

**Purpose.** Runs every hour, at 15 minutes past. Reads the stream from the end of the last committed batch up to now,
validates each event against its contract and commits it to the raw tables. Events that break their contract go to
quarantine, and duplicates are parked. Then checks that every fact that the platform has published is in the lake.

**A rerun** takes the events that have arrived since, if any. The next run completes a run that was killed: no event is
lost or counted twice. While `tranche pipelines follow` or another run is ingesting, it waits for its turn.

**When it is red** for an hour: call the data platform team. The log names the stream, the batch and the rule, or the
facts that are missing. Until it is green again, features become outdated, which each decision records; nothing has to
be undone.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
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
