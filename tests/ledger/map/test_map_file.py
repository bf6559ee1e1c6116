"""A money map that contradicts itself is refused by the name of its row."""

from importlib.resources import files

import pytest

from ledger.map.map_file import MapFault, parse_money_map

SHIPPED = files("ledger").joinpath("money_map.toml").read_text(encoding="utf-8")
FLOW = """
[[part]]
id = "p"
title = "p"
[[flow]]
id = "X"
name = "flow"
title = "x"
part = "p"
means = "x"
version = 1
key = "x"
examples = [{ x = "1.00" }]
"""
CHART = "".join(
    f"""
[[account]]
pattern = "{name}"
code = "{code}"
title = "{name}"
kind = "asset"
normal = "debit"
"""
    for code, name in enumerate("abc")
)


def test_a_small_map_is_read() -> None:
    found = parse_money_map(CHART + FLOW + 'steps = [{ debit = [["a"]], credit = [["b", "x"]] }]')

    assert found.flow("X").pairs == {("a", "b")}


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        pytest.param('[{ debit = [["d"]], credit = [["a", "x"]] }]', "X uses 'd', which is not on", id="off the chart"),
        pytest.param('[{ debit = [["a"], ["b"]], credit = [["c", "x"]] }]', "X: only a leg alone", id="two bare legs"),
        pytest.param('[{ debit = [["a"]], credit = [["c"]] }]', "X: only a leg alone", id="no amounts at all"),
        pytest.param('[{ debit = [], credit = [["a", "x"]] }]', "X: a step needs a debit", id="one side only"),
        pytest.param('[{ debit = [["a"]], credit = [["a", "x"]] }]', "X: a is on both sides", id="to itself"),
        pytest.param('[{ debit = [["a"]], credit = [["b", "x"], ["c", "x"]] }]', "X: a step names", id="counted twice"),
        pytest.param('[{ debit = [["a"]], credit = [["b", "y"]] }]', "X: an example has 'x'", id="another amount"),
        pytest.param('[{ debit = [["a"]], credits = [["b", "x"]] }]', "X: a step lacks 'credit'", id="misspelt side"),
        pytest.param("[]", "X has no steps", id="no steps"),
        pytest.param(
            '[{ debit = [["a"]], credit = [["b", "x"]] }]\nposts = "Y"', "X resolves 'Y'", id="posts what nobody holds"
        ),
        pytest.param("[]\npendng = true", "X has the unknown key 'pendng'", id="unknown key"),
    ],
)
def test_a_flow_that_cannot_hold_is_refused_by_name(steps: str, says: str) -> None:
    with pytest.raises(MapFault, match=says):
        parse_money_map(CHART + FLOW + f"steps = {steps}")


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        pytest.param('code = "1020"', 'code = "1010"', "code 1010 .* twice", id="one number for two accounts"),
        pytest.param('id = "F03"', 'id = "F02"', "row F02 .* twice", id="one id for two flows"),
        pytest.param('id = "F04"', 'id = "F02"', "row F02 .* twice", id="one id for a flow and a row"),
        pytest.param(
            'name = "down_payment"',
            'name = "fee_financed"',
            "flow name fee_financed .* twice",
            id="one name for two flows",
        ),
        pytest.param('name = "down_payment"', 'name = "Down payment"', "small letters", id="a name that is not one"),
        pytest.param('pattern = "inc:fx"', 'pattern = "exp:fx"', "account exp:fx .* twice", id="one account twice"),
        pytest.param('owner = "risk"\n', "", "dispute:.*:receivable lacks 'owner'", id="nobody works the group"),
        pytest.param('kind = "asset"', 'kind = "assets"', "bank.*assets", id="unknown kind"),
        pytest.param("version = 1\n", "", "flow F01 lacks 'version'", id="no version"),
        pytest.param('part = "collection"', 'part = "x"', "part 'x'", id="a part that the page lacks"),
        pytest.param('"F07b", ', "", "in_transit: F07b neither opens nor closes", id="a closing flow is not listed"),
        pytest.param('opened_by = ["F27a"]', "opened_by = []", "provisional: nothing opens", id="nobody opens a group"),
        pytest.param('opened_by = ["F36a"]', 'opened_by = ["F36a", "F01"]', "F01 opens no group", id="opens elsewhere"),
        pytest.param('closed_by = ["F27b"]', 'closed_by = ["F99"]', "F99 closes no group", id="an unknown flow closes"),
        pytest.param("[[part]]\nid", "[[parts]]\nid", "the file has the unknown key 'parts'", id="an unknown table"),
        pytest.param("[[part]]\nid", "[[part\nid", "line", id="not TOML"),
    ],
)
def test_the_shipped_map_with_one_fault_is_refused_by_its_row(before: str, now: str, says: str) -> None:
    assert before in SHIPPED

    with pytest.raises(MapFault, match=says):
        parse_money_map(SHIPPED.replace(before, now, 1))


def test_every_account_that_returns_to_zero_says_who_works_it_and_by_when() -> None:
    found = parse_money_map(SHIPPED)

    assert {kind.pattern for kind in found.chart if kind.group} == set(found.clearing)
    assert all(each.owner and each.sla_days > 0 for each in found.clearing.values())
