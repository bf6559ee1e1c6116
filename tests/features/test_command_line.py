import json

import pytest

from features.catalog import FEATURE_SETS, feature_set_digest
from features.reference import catalogue_page
from tests.command_line import acts_of

main = acts_of("features")


def test_the_page_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page"]) == 0

    assert capsys.readouterr().out == catalogue_page()


def test_the_definitions_are_printed_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    main(["page", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == feature_set_digest()
    every = [each for of in FEATURE_SETS.values() for each in of.lake + of.request]
    assert [each["name"] for each in told["features"]] == [each.name for each in every]
    assert {tuple(each["allowed"]["CZ"]) for each in told["features"]} == {
        ("credit_decision", "model_training", "reporting")
    }
