"""Charge what is due today, and pay merchants and shoppers what they are owed.

**Purpose.** Finds every instalment due up to the run's day, asks the provider once for each under our own key,
applies the outcomes, writes the day's payouts to merchants, and sends shoppers the refunds that were granted.

**Parameters.** `outbox`: the folder from which the bank takes payout files; empty for the profile's own.

**A rerun** of the same day charges nothing twice: an attempt has one identity per instalment and number. An outcome
that is still unknown is asked for again, never tried elsewhere. The same holds for refunds.

**When it is red**: payments on call. A declined card is no failure and does not turn this red; a provider that is
down does, and the rerun takes up where it stopped.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A run started by hand without a date is one of the day it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"
# A folder without a name is the current profile's own.
OUTBOX = "{{ ' --outbox ' ~ params.outbox if params.outbox else '' }}"


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
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
