"""The command line: what it lists, how it refuses, and what it hands to the stages."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tranche import __main__ as command_line
from tranche.__main__ import Stage, main
from tranche.fault import RuntimeFault


def test_help_lists_each_stage_with_its_acts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    said = capsys.readouterr().out
    assert [stage.name for stage in command_line.STAGES if f"\n{stage.name} " not in said] == []
    assert "    reset " in said


def test_an_unknown_stage_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledgers", "verify"]) == 2
    assert capsys.readouterr().err == "error: there is no stage 'ledgers'; tranche --help lists them\n"


def test_an_unknown_act_is_named_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "upp"]) == 2
    assert "No such command 'upp'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        pytest.param(RuntimeFault("it is not up"), "error: it is not up\n", id="a fault in plain words"),
        pytest.param(KeyboardInterrupt(), "interrupted\n", id="Ctrl-C"),
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


def _stage_that(monkeypatch: pytest.MonkeyPatch, trouble: BaseException) -> None:
    class Module:
        @staticmethod
        def main(_: list[str]) -> int:
            raise trouble

    monkeypatch.setitem(sys.modules, "trial", Module)
    monkeypatch.setattr(command_line, "STAGES", (Stage("trial", "trial", "", runs_beside_local=False),))
