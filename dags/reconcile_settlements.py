"""Match the provider's and the bank's files with what we expect, post it, and list the breaks.

**Purpose.** Takes every file of the inbox that it has not seen, matches its lines with dues and charges, posts what
they prove and lists what does not agree by class and age.

**Parameters.** `inbox`: the folder that the provider and the bank write to; empty for the profile's own.

**A rerun** takes files that have come since; a file is recognised by its content, not its name. No new file is green
and says so.

**When it is red**: finance operations. A file that does not meet its control row is refused as a whole and named with
its line. Open breaks do not turn this red; they are the work list.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A run started by hand without a date is one of the day it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"
# A folder without a name is the current profile's own.
INBOX = "{{ ' --inbox ' ~ params.inbox if params.inbox else '' }}"


# The first day is long past, so that a replay of the past runs: Airflow runs nothing before it, and says success.
@dag(
    schedule="0 8 * * *",
    start_date=datetime(1993, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    default_args={"owner": "finance"},
    params={"inbox": Param("", type="string", pattern="^[A-Za-z0-9._/-]*$")},
    tags=["money"],
)
def reconcile_settlements() -> None:
    @task.bash(cwd=REPOSITORY)
    def reconcile() -> str:
        return f"tranche payments reconcile --day {DAY}{INBOX}"

    reconcile()


reconcile_settlements()
