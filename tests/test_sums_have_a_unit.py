"""Nothing adds minor units across currencies, in Python or in SQL.

Amounts are added as `Money`, which refuses another currency. A bare sum of minor units is judged here: in SQL its own
SELECT groups by the currency or asks for one; everything else is listed with what makes it one currency.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.test_conventions import CHECKOUT, PACKAGES

SUM = re.compile(r"\bsum\s*\(", re.IGNORECASE)
ONE_CURRENCY = re.compile(
    r"(group|partition|distinct on)\s*(by)?[^;]*\bcurrency\b|\bcurrency\s*=|=\s*[a-z.]*currency\b", re.IGNORECASE
)

# By file and the name of the function or SQL around it: what makes the amounts one currency.
ONE_UNIT = {
    # a plan, its instalments and its fees are in the plan's currency
    "lending/plan/correct_bookings.py: interest_in": "bookings of a plan",
    "lending/plan/state.py: late_fee_room": "fees of an instalment",
    "lending/servicing/use_credit.py: _payment": "instalments of a plan",
    "lending/checks/plan_control.sql": "transfers of a ledger account, and instalments of a plan",
    "lending/schema/functions/check_schedule.sql": "instalments of a plan",
    "lending/decision/postgres.py: (module) SQL": "instalments of plans of one currency, and events of a plan",
    # a file, a payout, a line
    "payments/files/world/stripe_balance.py: _balance_transaction": "fees of one transaction",
    "payments/files/world/gocardless_payout.py: read_gocardless_payout": "items of a payout",
    "payments/files/world/stripe_payout.py: read_stripe_payout": "transactions of a payout",
    "payments/schema/functions/items_make_the_payout.sql": "items of a payout",
    "payments/schema/functions/match_lines.sql": "payouts that one line names, which must all be in its currency",
    "payments/rules/fee_terms.py: expected": "fees of a payout's items, in the currency that is asked for",
    "payments/break_desk/postgres_month_end.py: (module) SQL": "transfers by account, which has one currency",
    "payments/break_desk/work_off.py: _tolerated_today": "transfers of an account in a currency",
    # a ledger account has one currency, and so has each transfer of it
    "ledger/checks/holds.sql": "events of a hold's transfer, and transfers between two accounts",
    "ledger/schema/functions/apply_hold_events.sql": "transfers by hold, and by account",
    "ledger/schema/functions/apply_transfers.sql": "transfers by account",
    "ledger/schema/functions/seal_next.sql": "transfers by account",
    "ledger/schema/views/derived_open_holds.sql": "events of a hold's transfer",
    "ledger/books/postgres_books.py: (module) SQL": "holds of an account",
    "ledger/reports/postgres_general_ledger.py: (module) SQL": "transfers by account",
    "pipelines/runtime/typical_session.py: work SQL": "no money: rows that warm Spark up",
    # the world outside of the product
    "simulation/bank.py: _statement": "movements of an account in a currency",
    "simulation/exchange_files.py: read_bank_orders": "a check sum of a file's last row",
    "simulation/provider.py: _settlement": "charges of a settlement in a currency",
    "simulation/retail/bridge.py: net_minor": "the shop sells in pounds",
    "simulation/retail/bridge.py: bridge": "the shop sells in pounds",
    "simulation/retail/order_book.py: _purchases": "the shop sells in pounds",
    "simulation/retail/order_book.py: _refunds": "the shop sells in pounds",
    "simulation/world/behaviour.py: behaviour_before": "rows of a bank account",
    # the demo and its report
    "tranche/demo/facts.py: (module) SQL": "a check sum over all rows, compared with the same one over the lake's",
    "tranche/demo/facts.py: _sums": "a check sum over all rows, compared with the same one over the database's",
    "tranche/demo/retail.py: _classified": "the shop sells in pounds",
    "tranche/demo/standing.py: _class": "breaks of one currency",
    "tranche/report/charts.py: cash_by_month": "months of the currency that the chart is drawn in",
    "tranche/report/details.py: open_breaks": "breaks chosen by currency",
    "tranche/report/page.py: _breaks": "only if all lines have one currency",
    "tranche/report/page.py: _trial_balance": "accounts chosen by currency",
    "tranche/report/retail_summary.py: broken": "the shop sells in pounds",
    "tranche/report/terminal_summary.py: _figures": "months of the currency that the line names",
}


def test_every_sum_of_minor_units_is_of_one_currency() -> None:
    found = dict((*_in_python(), *_in_sql()))

    assert {where: text for where, text in found.items() if where not in ONE_UNIT} == {}
    assert sorted(ONE_UNIT.keys() - found.keys()) == [], "listed, and not there any more"


def test_a_sum_without_a_unit_is_found() -> None:
    assert list(_sums_of_sql("SELECT sum(amount_minor) FROM t")) == ["amount_minor"]
    assert list(_sums_of_sql("SELECT currency, sum(amount_minor) FROM t GROUP BY currency")) == []
    assert list(_sums_of_sql("SELECT a, (SELECT sum(x_minor) FROM u) FROM t WHERE currency = 'GBP'")) == ["x_minor"]
    assert list(_sums_of_sql("SELECT sum(rows) FROM t")) == []
    tree = ast.parse("def f(lines):\n    return sum(line.amount.minor for line in lines)")
    assert list(_sums_of_python(tree)) == [("f", "line.amount.minor")]


def _in_python() -> Iterator[tuple[str, str]]:
    for path in _files(".py"):
        for function, text in _sums_of_python(_tree(path)):
            yield f"{path.relative_to(CHECKOUT)}: {function}", text


def _sums_of_python(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Calls of `sum` over something that is called minor, with the function they are in."""
    for function, node in _with_function(tree, "(module)"):
        if isinstance(node, ast.Call) and node.args and _name(node.func) == "sum":
            added = node.args[0]
            element = added.elt if isinstance(added, ast.GeneratorExp | ast.ListComp) else added
            if any(re.search(r"(^|_)minor$", _name(each)) for each in ast.walk(element)):
                yield function, ast.unparse(element)


def _name(node: ast.AST) -> str:
    """The name that a variable, an attribute or a column has."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str() as name):
            return name
        case _:
            return ""


def _with_function(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield inside, child
        yield from _with_function(child, inside)


def _in_sql() -> Iterator[tuple[str, str]]:
    for path in _files(".sql"):
        for text in _sums_of_sql(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(CHECKOUT)}", text
    for path in _files(".py"):
        tree = _tree(path)
        for function, node in _with_function(tree, "(module)"):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for text in _sums_of_sql(node.value):
                    yield f"{path.relative_to(CHECKOUT)}: {function} SQL", text


def _sums_of_sql(query: str) -> Iterator[str]:
    """What is added up in minor units by a SELECT that neither groups by the currency nor asks for one."""
    if not re.search(r"\bselect\b", query, re.IGNORECASE):
        return
    query = re.sub(r"--[^\n]*", "", query)
    for found in SUM.finditer(query):
        argument = query[found.end() : _closes(query, found.end())]
        if "minor" in argument and not ONE_CURRENCY.search(_own_select(query, found.start())):
            yield " ".join(argument.split())


def _closes(text: str, start: int) -> int:
    """Where the parenthesis ends that is open at `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
    return len(text)


def _own_select(query: str, place: int) -> str:
    """The SELECT that the place is in, without those inside of it that it is not in."""
    depth, start = 0, 0
    for back in range(place - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(query[back], 0)
        if depth < 0:
            start = back + 1
            break
    own = query[start : _closes(query, place)]
    return re.sub(r"\(\s*select\b(?:[^()]|\([^()]*\))*\)", "", own, flags=re.IGNORECASE)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _files(suffix: str) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((CHECKOUT / package).rglob(f"*{suffix}"))
