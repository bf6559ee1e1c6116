"""The command line: what it lists, how it refuses, and what it hands to the stages."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from terminal.command_line import stage as stage_app
from tranche import stage as stages
from tranche.__main__ import main
from tranche.acts import TABLE, acts, acts_table
from tranche.fault import RuntimeFault
from tranche.stage import STAGES, Stage

# What `tranche --help` listed when acts were last named: a command that is renamed or removed breaks what others wrote.
COMMANDS = {
    "local": "up status down reset where",
    "contracts": "check page schema compare release",
    "pipelines": "publish-features refresh-features roll-back-features list-publications profile-features publish "
    "ingest curate backfill build-features export-loans export-statement relay lag follow redrive completeness feeds "
    "maintain retain erase hold release",
    "features": "page contract feast",
    "models": "train promote rebuild-training-set retire amend-training-sets",
    "lending": "import-plans products schedule apr close-of-business rebuild statement vat-summary "
    "import-opening-balances plan",
    "payments": "collect pay-merchants pay-refunds refund disputes reconcile breaks open-items",
    "ledger": "seal verify rebuild export propose approve proposals set-credit-limit migrate map trial-balance "
    "general-ledger remittance statement open-groups entries expire-holds close-period "
    "add-principal principals revoke-principal",
    "serving": "serve replay",
    "serve": "",
    "simulation": "generate shop pay bank serve",
    "use": "",
    "provision": "",
    "clock": "set advance clear",
    "demo": "",
    "airflow": "",
    "lab": "",
    "doctor": "",
}

PRINT_NO_REPORT = {
    "airflow": "runs until it is stopped",
    "lab": "runs until it is stopped",
    "simulation serve": "runs until it is stopped; its address is a JSON object",
    "contracts schema": "prints a schema in the language of its reader",
    "features contract": "prints the text of a contract",
    "doctor": "reads its words by itself, without any library; it has both",
}


def test_every_command_that_there_was_is_there() -> None:
    known = acts()

    assert [
        f"tranche {stage} {act}"
        for stage, listed in COMMANDS.items()
        for act in (listed.split() or [""])
        if stage not in known or (act and act not in known[stage])
    ] == []


def test_help_lists_each_stage_with_its_acts_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    said = capsys.readouterr().out
    assert [stage.name for stage in STAGES if f"\n{stage.name} " not in said] == []
    assert [act for listed in acts().values() for act in listed if f"    {act} " not in said] == []
    assert main([]) == 0
    assert capsys.readouterr().out == said


def test_the_table_of_acts_is_what_the_stages_have() -> None:
    assert TABLE.read_text(encoding="utf-8") == acts_table(), "write it again: python -m tranche.acts"


def test_every_act_that_reports_does_so_for_people_and_for_programs() -> None:
    without = []
    for stage in STAGES:
        command: Any = stage.command()
        for name, act in _acts_below(command):
            options = {option for parameter in act.params for option in parameter.opts}
            if not {"--json", "--output"} <= options:
                without.append(f"{stage.name} {name}".rstrip())

    assert sorted(without) == sorted(PRINT_NO_REPORT)


def _acts_below(command: Any) -> Iterator[tuple[str, Any]]:
    """Every act of a command, those of groups within it too, without hidden ones."""
    if not hasattr(command, "commands"):
        yield "", command
        return
    for name, act in command.commands.items():
        if not act.hidden:
            yield from ((f"{name} {below}".rstrip(), each) for below, each in _acts_below(act))


def test_help_version_and_the_completion_of_a_stage_load_no_stage() -> None:
    program = (
        "import json, sys\nfrom tranche.__main__ import main\n"
        "assert main(['--help']) == main(['--version']) == 0\n"
        "print(json.dumps(list(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    loaded = set(json.loads(done.stderr))
    assert {stage.module for stage in STAGES} & loaded == set()
    assert {"rich", "httpx", "pydantic", "psycopg", "tranche.local.runtime"} & loaded == set()


def test_the_version_is_that_of_the_installation(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tranche {version('tranche')}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param(["ledgerr", "verify"], "No such command 'ledgerr'. Did you mean 'ledger'?", id="a stage"),
        pytest.param(["local", "upp"], "No such command 'upp'. Did you mean 'up'?", id="an act"),
        pytest.param(["local", "up", "--jsn"], "No such option: --jsn. Did you mean '--json'?", id="an option"),
        pytest.param(["--versin"], "No such option: --versin. Did you mean '--version'?", id="an option of tranche"),
    ],
)
def test_a_name_that_is_nearly_right_is_suggested(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed) == 2

    error = capsys.readouterr().err
    assert error.startswith(f"error: {said} tranche")
    assert error.endswith(" --help says more.\n")
    assert error.count("\n") == 1


def test_an_option_that_is_missing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lending", "apr"]) == 2
    assert capsys.readouterr().err == "error: Missing option '--flows'. tranche lending apr --help says more.\n"


def test_a_choice_that_there_is_not_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "status", "--output", "xml"]) == 2

    said = capsys.readouterr().err
    assert "'table', 'json'" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        pytest.param(["tranche", "led"], "ledger", id="a stage"),
        pytest.param(["tranche", "ledger", "ver"], "verify", id="an act"),
        pytest.param(["tranche", "ledger", "verify", "--js"], "--json", id="an option"),
    ],
)
def test_a_shell_completes_stages_acts_and_options(shell: str, words: list[str], completed: str) -> None:
    asked = {
        "_TRANCHE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": " ".join(words),
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    said = _tranche([], asked).stdout

    assert completed in said
    assert "trial-balance" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_and_installed(shell: str, tmp_path: Path) -> None:
    assert "_TRANCHE_COMPLETE" in _tranche(["--show-completion", shell], {"HOME": str(tmp_path)}).stdout
    assert list(tmp_path.iterdir()) == []

    installed = _tranche(["--install-completion", shell], {"HOME": str(tmp_path)})

    assert installed.returncode == 0, installed.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "_TRANCHE_COMPLETE" in path.read_text()]
    assert len(files) == 1
    assert str(files[0]) in installed.stdout


def test_help_takes_no_more_processor_time_than_its_budget() -> None:
    assert min(processor_seconds(["--help"]) for _ in range(3)) <= 0.6


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        pytest.param(RuntimeFault("it is not up"), "error: it is not up\n", id="a fault in plain words"),
        pytest.param(KeyboardInterrupt(), "interrupted\n", id="Ctrl-C"),
        pytest.param(
            typer.BadParameter("no"),
            "error: Invalid value: no. tranche trial act --help says more.\n",
            id="wrong usage",
        ),
    ],
)
def test_a_fault_is_one_line(
    trouble: BaseException, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _stage_that(monkeypatch, trouble)

    assert main(["trial", "act"]) in (2, 130)
    assert capsys.readouterr().err == said


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _stage_that(monkeypatch, ZeroDivisionError("a bug"))

    with pytest.raises(ZeroDivisionError):
        main(["trial", "act"])


def test_a_database_that_is_down_is_said_in_one_line(tmp_path: Path) -> None:
    import psycopg

    from tranche.fault import in_plain_words

    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(f"postgresql://postgres@/tranche?host={tmp_path}")

    words = in_plain_words(refused.value)
    assert words is not None
    assert words.startswith("the database of TRANCHE_DATABASE_URL does not answer")
    assert "\n" not in words


def test_an_aws_endpoint_that_is_down_is_said_in_one_line() -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import EndpointConnectionError

    from tranche.fault import in_plain_words
    from tranche.local.process import free_port

    client = boto3.client(
        "kinesis",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(EndpointConnectionError) as refused:
        client.list_streams()

    assert (in_plain_words(refused.value) or "").startswith("nothing answers at TRANCHE_AWS_ENDPOINT")


def test_status_of_a_runtime_that_was_never_started_is_down_with_exit_code_1(tmp_path: Path) -> None:
    done = _tranche(["local", "status", "--json"], {"TRANCHE_VAR": str(tmp_path)})

    assert done.returncode == 1
    assert '"state": "down"' in done.stdout
    assert list(tmp_path.iterdir()) == []


def _tranche(arguments: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tranche", *arguments]
    return subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, check=False
    )


def processor_seconds(arguments: list[str]) -> float:
    """What a command takes in a process of its own."""
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _tranche(arguments, {}).returncode == 0
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def _stage_that(monkeypatch: pytest.MonkeyPatch, trouble: BaseException) -> None:
    class Module:
        app = stage_app("A trial.")

    @Module.app.command()
    def act() -> None:
        raise trouble

    @Module.app.command()
    def other() -> None:
        pass

    monkeypatch.setitem(sys.modules, "trial", Module)
    monkeypatch.setattr(stages, "STAGES", (Stage("trial", "trial", "", works_on_profile=False),))
