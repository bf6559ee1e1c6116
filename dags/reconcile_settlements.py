"""Match the provider's and the bank's files with what we expect, post the results, and list the breaks.

**Purpose.** Runs every day at 08:00 UTC. Takes every new file of the inbox, matches its lines with expected charges,
payouts and dues, posts the matched movements, and lists the breaks by class and age.

**Parameters.** `inbox`: the folder to which the provider and the bank write; if empty, that of the current profile.

**A rerun** takes files that have arrived since. A file is recognised by its content, not its name. A run without a new
file is green, and its log says so.

**When it is red**: call finance operations. A file that does not agree with its control row is refused as a whole, and
the log names the file and the line. Open breaks do not turn the run red; they are the work list.
"""

from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, task

REPOSITORY = str(Path(__file__).resolve().parents[1])
# A manual run without a date is for the day on which it was started.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"
# Without a folder, the command uses that of the current profile.
INBOX = "{{ ' --inbox ' ~ params.inbox if params.inbox else '' }}"


# Airflow skips runs before the start date and calls that success, so it is early enough for a replay of past years.
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
