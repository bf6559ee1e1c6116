"""Every line has one class, by the first rule that fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.retail import stock_codes
from simulation.retail.line import RetailLine
from simulation.retail.line_class import LineClass, class_alone
from simulation.retail.stock_codes import StockCodesFault, StockKind
from tests.simulation.retail.builders import a_cancellation, a_sale, bad_debt

CODES = stock_codes.load_stock_codes()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(a_sale(), "purchase", id="goods to a customer"),
        pytest.param(a_sale(shopper=None), "sale_without_customer", id="goods to nobody known"),
        pytest.param(a_sale(code="POST"), "sale_not_goods", id="postage"),
        pytest.param(a_sale(code="POST", shopper=None), "sale_not_goods", id="postage before no customer"),
        pytest.param(a_sale(code="ZZ9"), "unknown_code", id="a code nobody has placed"),
        pytest.param(a_sale(mills=0), "free_of_charge", id="a present"),
        pytest.param(a_sale(quantity=0), "free_of_charge", id="none of it"),
        pytest.param(a_sale(quantity=-10, mills=0, shopper=None), "stock_adjustment", id="written off"),
        pytest.param(a_sale(quantity=1, mills=4), "under_a_penny", id="four tenths of a penny"),
        pytest.param(a_sale(quantity=1, mills=5), "purchase", id="half a penny"),
        pytest.param(a_sale(quantity=-10), "negative_sale", id="a sale that gives back"),
        pytest.param(a_sale(mills=-1000), "negative_sale", id="a negative price"),
        pytest.param(a_cancellation(), "refund", id="goods back from a customer"),
        pytest.param(a_cancellation(shopper=None), "cancellation_without_customer", id="goods back from nobody known"),
        pytest.param(a_cancellation(code="D"), "cancellation_not_goods", id="a discount"),
        pytest.param(a_cancellation(code="ZZ9"), "unknown_code", id="an unknown code back"),
        pytest.param(a_cancellation(quantity=10), "positive_cancellation", id="a cancellation that takes"),
        pytest.param(a_cancellation(mills=0), "free_of_charge", id="a present back"),
        pytest.param(bad_debt(), "bad_debt", id="bad debt"),
        pytest.param(bad_debt(0), "bad_debt", id="bad debt of nothing"),
    ],
)
def test_the_first_rule_that_fits_gives_the_class(line: RetailLine, expected: str) -> None:
    assert class_alone(line, CODES) == expected


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("85123A", "goods"),
        ("15056bl", "goods"),
        ("DCGSSGIRL", "goods"),
        ("PADS", "goods"),
        ("m", "not_goods"),
        ("AMAZONFEE", "not_goods"),
        ("gift_0001_20", "not_goods"),
        ("BANK CHARGES", "not_goods"),
        ("POSTER", "unknown"),
        ("8512", "unknown"),
    ],
)
def test_a_code_is_placed_by_the_file_whatever_its_case(code: str, kind: str) -> None:
    assert CODES.kind(code) is StockKind(kind)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("goods = ['A']", "not_goods: missing"),
        ("goods = 'A'\nnot_goods = ['B']", "goods: missing, or not a list"),
        ("goods = ['[']\nnot_goods = ['B']", "goods: "),
        ("goods", "(file)"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_list(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "stock_codes.toml"
    file.write_text(text)

    with pytest.raises(StockCodesFault) as fault:
        stock_codes.load_stock_codes(file)

    assert f"{file}: {reason}" in fault.value.user_message


def test_every_class_has_its_rule_written_beside_it() -> None:
    source = Path(class_alone.__code__.co_filename).read_text()

    for each in LineClass:
        after = source.split(f'{each.name} = "{each.value}"\n', 1)[1]
        assert after.lstrip().startswith('"""'), each
