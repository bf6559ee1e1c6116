"""Seal the final entries and plan events, then verify the books and the plans by deriving everything again.

**Purpose.** Runs every day at 09:30 UTC. Adds the entries, plan events, acts and principals that have become final to
the chains of seals. Then derives each balance, hold and seal from the recorded transfers, folds each plan from its
events, and compares both with what is stored. What is found is listed as breaks (E24) beside those of reconciliation,
and so is what is explained and open for too long (E21); a break closes when a later run finds it no more.

**A rerun** seals what has become final since, if anything, and verifies again.

**When it is red**: call finance and engineering at once, and pause collection. The report names the account and the
entry, or the plan and the event. Do not repair anything by hand: a correction is a further entry, and a rebuild
replaces stored rows only with `--accept`, which keeps them on record.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="30 9 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "finance"},
    tags=["money"],
)
def verify_ledger() -> None:
    @task.bash(cwd=REPOSITORY)
    def seal() -> str:
        return "tranche ledger seal"

    @task.bash(cwd=REPOSITORY)
    def verify() -> str:
        return "tranche ledger verify"

    @task.bash(cwd=REPOSITORY, trigger_rule="all_done")
    def list_findings() -> str:
        return "tranche payments audit-breaks --day {{ ds }}"

    seal() >> verify() >> list_findings()


verify_ledger()
