"""Train the default model, evaluate it out of time, and register it.

**Purpose.** Runs on the first day of each month at 04:00 UTC. Trains a model of the champion's kind and a scorecard on
applications up to `train_until`, evaluates both on applications after that up to `test_until`, and registers the model
with the snapshots that it was trained on. It does not promote the model: a person reviews the figures and runs
`tranche models promote`.

**Parameters.** `train_until`, `test_until`: dates; the command's defaults if omitted.

**A rerun** registers another version, trained on the current data.

**When it is red**: call data science. Decisions continue with the present champion.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="0 4 1 * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "data-science"},
    params={
        "train_until": Param(None, type=["null", "string"], format="date", description="last day to train on"),
        "test_until": Param(None, type=["null", "string"], format="date", description="last day to judge by"),
    },
    tags=["models"],
)
def train_model() -> None:
    @task.bash(cwd=REPOSITORY)
    def train() -> str:
        return (
            "tranche models train"
            "{% if params.train_until %} --train-until {{ params.train_until }}{% endif %}"
            "{% if params.test_until %} --test-until {{ params.test_until }}{% endif %}"
        )

    train()


train_model()
