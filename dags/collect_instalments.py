"""Charge what is due today, and pay merchants and shoppers what they are owed.

**Purpose.** Runs every day at 06:00 UTC. Charges every instalment due up to the run's day once, under an idempotency
key of ours, and books the outcomes. Then writes the day's payouts to merchants, and pays shoppers the refunds that were
granted.

**Parameters.** `outbox`: the folder from which the bank takes payout files; if empty, that of the current profile.

**A rerun** of the same day charges nothing twice, because each attempt has an id made of its instalment and number. If
an outcome is still unknown, the provider is asked for it; the money is not requested again under another key. The same
applies to refunds.

**When it is red**: call payments. A declined card does not turn the run red; an unavailable provider does, and a rerun
continues where the run stopped.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A manual run without a date is for the day on which it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"
# Without a folder, the command uses that of the current profile.
OUTBOX = "{{ ' --outbox ' ~ params.outbox if params.outbox else '' }}"


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
@dag(
    schedule="0 6 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "payments"},
    params={"outbox": Param("", type="string", pattern="^[A-Za-z0-9._/-]*$")},
    tags=["money"],
)
def collect_instalments() -> None:
    @task.bash(cwd=REPOSITORY)
    def collect() -> str:
        return f"tranche payments collect --due {DAY}"

    @task.bash(cwd=REPOSITORY)
    def pay_merchants() -> str:
        return f"tranche payments pay-merchants --on {DAY}{OUTBOX}"

    @task.bash(cwd=REPOSITORY)
    def pay_refunds() -> str:
        return f"tranche payments pay-refunds --on {DAY}{OUTBOX}"

    collect() >> pay_merchants() >> pay_refunds()


collect_instalments()
