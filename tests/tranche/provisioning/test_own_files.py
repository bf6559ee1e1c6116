"""`tranche init`: a folder of the lender's own, which decides instead of the files in the packages."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terminal.settings import CONFIG
from tests.conftest import CHECKOUT
from tranche.__main__ import main
from tranche.provisioning.own_files import OWN_FILES


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    own = tmp_path / "our own"
    assert main(["init", str(own)]) == 0
    capsys.readouterr()
    return own


def asked_for(package: str) -> set[str]:
    """The names that code asks `lenders_own` for."""
    return {
        node.args[0].value
        for path in (CHECKOUT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "lenders_own"
        and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }  # fmt: skip


def test_it_copies_all_that_code_reads_from_such_a_folder() -> None:
    read = set().union(*(asked_for(package) for package in ("lending", "ledger", "payments", "models", "serving")))
    assert read == set(OWN_FILES)


def test_it_never_overwrites(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "authority.toml").write_text("mine")
    assert main(["init", str(folder)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert (folder / "authority.toml").read_text() == "mine"


def with_own(folder: Path, code: str) -> Any:
    """What a process answers that works with the folder."""
    run = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], capture_output=True, text=True, check=True, cwd=CHECKOUT,
        env={CONFIG: str(folder), "PYTHONPATH": str(CHECKOUT), "PATH": ""},
    )  # fmt: skip
    return json.loads(run.stdout)


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text, (file, before)
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


EACH = """
from datetime import date
from ledger.identity.authority import authority_file
from ledger.money import Currency
from lending.acts.charge_off_by_rule import closing_rules
from lending.terms.holidays import holidays_of
from lending.terms.merchant_terms import merchant_terms_on
from lending.terms.policy_file import load_policies
from lending.terms.product import Product
from lending.terms.products import product_on
from lending.terms.review_terms import review_terms
from models.wording import read_wording
from payments.collection.retry import load_policy
from payments.rail_profile import load_profile
print(json.dumps([
    sorted({policy.version for policy in load_policies()}),
    product_on(Product.PAY_IN_4, date(2026, 1, 31)).digest,
    merchant_terms_on("m-1", date(2026, 1, 31)).discount_basis_points,
    date(2026, 5, 4) in holidays_of("GB-ENG"),
    repr(closing_rules()),
    load_policy().version,
    load_profile().payout_days,
    sorted(authority_file().roles),
    read_wording().version,
    repr(sorted(review_terms()._by_digest)),
]))
"""


def test_an_edit_of_each_of_its_files_counts(folder: Path, tmp_path: Path) -> None:
    code = tmp_path / "each.py"
    code.write_text(EACH, encoding="utf-8")
    run = f"exec(open({str(code)!r}).read())"
    before = with_own(folder, run)

    edit(folder / "policies" / "gb-short-1.toml", 'version = "1"', 'version = "7"')
    edit(folder / "products" / "pay-in-4-1.toml", "every = 14", "every = 21")
    edit(folder / "merchant_terms" / "default-1.toml", "basis_points = 500", "basis_points = 400")
    (folder / "calendars" / "overrides.toml").write_text("[GB-ENG]\n2026-05-04 = false\n", encoding="utf-8")
    edit(folder / "closing-rules.toml", "days_past_due = ", "days_past_due = 1")
    edit(folder / "payments" / "retry-1.toml", 'version = "', 'version = "our-')
    edit(folder / "payments" / "rails-1.toml", "payout_days = ", "payout_days = 1")
    edit(folder / "authority.toml", "[roles.agent]", "[roles.helper]")
    edit(folder / "wording.toml", 'version = "', 'version = "our-')
    edit(folder / "review_terms" / "gb-1.toml", "claim_minutes = ", "claim_minutes = 1")
    after = with_own(folder, run)

    assert [one == other for one, other in zip(before, after, strict=True)] == [False] * len(before)


def test_a_faulty_own_policy_stops_every_command_that_decides_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder / "policies" / "gb-short-1.toml", "above = 31", "above = nan")
    monkeypatch.setenv(CONFIG, str(folder))

    assert main(["policy", "lint"]) == 1
    assert "gb-short-1.toml, line" in capsys.readouterr().out
    assert main(["policy", "list"]) == 2
    assert "nan is no number" in capsys.readouterr().err
