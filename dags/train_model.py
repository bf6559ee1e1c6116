"""Train the default model, judge it out of time, and register it.

**Purpose.** Trains the champion's kind and the scorecard on applications up to `train_until`, judges both by those
after it up to `test_until`, and registers the model with the snapshots that it was trained on. It promotes nothing: a
person reads the figures and runs `tranche models promote`.

**Parameters.** `train_until`, `test_until`: dates; without them the command's own defaults hold.

**A rerun** registers one more version, trained on the data of now.

**When it is red**: data science on call. Serving goes on with the present champion.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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
