"""A setting that is missing or malformed is named, with a value that works."""

import pytest

from terminal.environment import SettingFault, optional, required, required_url

NAME = "TRANCHE_AWS_ENDPOINT"
EXAMPLE = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("environ", "trouble"),
    [
        pytest.param({}, "is not set", id="missing"),
        pytest.param({NAME: "  "}, "is empty", id="empty"),
        pytest.param({NAME: "localhost:4566"}, "must start with http:// or https://", id="no scheme"),
        pytest.param({NAME: "ftp://host"}, "must start with http:// or https://", id="another scheme"),
    ],
)
def test_trouble_is_named_with_the_variable_and_an_example(environ: dict[str, str], trouble: str) -> None:
    with pytest.raises(SettingFault) as fault:
        required_url(environ, NAME, EXAMPLE, ("http", "https"))

    assert fault.value.user_message == f"setting {NAME} {trouble}; for example {NAME}={EXAMPLE}"


def test_empty_is_a_value_where_it_has_a_meaning() -> None:
    assert required({NAME: ""}, NAME, EXAMPLE, may_be_empty=True) == ""
    assert required_url({NAME: ""}, NAME, EXAMPLE, ("http",), may_be_empty=True) == ""
    with pytest.raises(SettingFault, match="is not set"):
        required({}, NAME, EXAMPLE, may_be_empty=True)


def test_an_empty_optional_setting_takes_its_default() -> None:
    assert optional({NAME: ""}, NAME, "default") == "default"
    assert optional({NAME: "other"}, NAME, "default") == "other"
