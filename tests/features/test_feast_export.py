"""The catalogue as a Feast repository."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.catalog import LAKE_FEATURES, feature_set_digest
from tests.command_line import acts_of

main = acts_of("features")


def test_the_repository_defines_every_lake_feature_once(tmp_path: Path) -> None:
    main(["feast", "--out", str(tmp_path / "repository")])

    text = (tmp_path / "repository" / "definitions.py").read_text(encoding="utf-8")
    named = [
        keyword.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field"
        for keyword in node.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    ]
    assert named == [feature.name for feature in LAKE_FEATURES]
    assert feature_set_digest() in text
    assert "project: tranche" in (tmp_path / "repository" / "feature_store.yaml").read_text(encoding="utf-8")


@pytest.mark.skipif(os.environ.get("TRANCHE_FEAST") != "1", reason="TRANCHE_FEAST=1 installs Feast into an environment")
def test_feast_itself_accepts_the_repository(tmp_path: Path) -> None:
    main(["feast", "--out", str(tmp_path / "repository")])
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", "feast"], check=True)

    done = subprocess.run(
        [environment / "bin" / "feast", "plan", "--skip-source-validation"],
        cwd=tmp_path / "repository",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "applicant_features" in done.stdout
