"""The rules of matching in pure Python, line by line: what the SQL of the product has to agree with."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from payments.break_class import BreakClass
from payments.expectation import Expectation, StatementRow
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey
from payments.reconciliation.matching import Different, Matched, MatchRule, Outcome, Unexpected


def match(lines: Iterable[StatementRow], expectations: Iterable[Expectation]) -> list[Outcome]:
    """One outcome for each line, in the order of (booked on, amount, id). Unmatched expectations stay open."""
    rows = sorted(lines, key=StatementRow.order)
    by_id = _ById(expectations)
    outcomes = {row.line_key: found for row in rows if row.key is not None and (found := by_id.outcome(row))}
    taken = {o.expectation.key for o in outcomes.values() if isinstance(o, Matched)}
    by_account: dict[str, list[Expectation]] = defaultdict(list)
    for expectation in sorted(by_id.all, key=Expectation.order):
        if expectation.account_id is not None and expectation.window is not None:
            by_account[expectation.account_id].append(expectation)
    left: dict[str, list[StatementRow]] = defaultdict(list)
    for row in rows:
        if row.line_key not in outcomes:
            left[row.account_id or ""].append(row)
    for account_id, account_lines in left.items():
        outcomes |= _by_window(account_lines, by_account.get(account_id, []), taken)
    return [outcomes[row.line_key] for row in rows]


class _ById:
    """Rule 1: an id of ours, with amount and currency."""

    def __init__(self, expectations: Iterable[Expectation]) -> None:
        self.all = list(expectations)
        self._by_key = {e.key: e for e in self.all}
        self._met = {e.key for e in self.all if e.met}

    def outcome(self, line: StatementRow) -> Outcome | None:
        expectation = self._by_key.get(line.key) if line.key is not None else None
        if expectation is None:
            return None
        if line.key in self._met:
            return Different(line, expectation, BreakClass.DUPLICATE_PAYMENT, f"{line.key} has been paid already")
        if line.amount.currency != expectation.amount.currency:
            return Different(line, expectation, BreakClass.CURRENCY_DIFFERS, _said(line, expectation))
        if line.amount != expectation.amount:
            return Different(line, expectation, BreakClass.AMOUNT_DIFFERS, _said(line, expectation))
        self._met.add(expectation.key)
        return Matched(line, expectation, MatchRule.ID)


def _by_window(
    lines: Sequence[StatementRow], dues: Sequence[Expectation], taken: set[ExpectationKey]
) -> dict[LineKey, Outcome]:
    """Rule 2 for one account: equal amount within the due's window, and only one candidate on either side."""
    outcomes: dict[LineKey, Outcome] = {}
    equal: dict[LineKey, list[Expectation]] = {
        line.line_key: [due for due in dues if _inside(line, due) and due.amount == line.amount] for line in lines
    }
    open_equal = {
        line_key: [due for due in found if not due.met and due.key not in taken] for line_key, found in equal.items()
    }
    claims: dict[ExpectationKey, int] = defaultdict(int)
    for candidates in open_equal.values():
        for due in candidates:
            claims[due.key] += 1
    matched = set(taken)
    for line in lines:
        candidates = open_equal[line.line_key]
        if len(candidates) == 1 and claims[candidates[0].key] == 1:
            outcomes[line.line_key] = Matched(line, candidates[0], MatchRule.ACCOUNT_AMOUNT_WINDOW)
            matched.add(candidates[0].key)
        elif candidates:
            names = ", ".join(str(due.key) for due in candidates)
            reason = f"not unique: {names} would fit {max(claims[due.key] for due in candidates)} lines"
            outcomes[line.line_key] = Unexpected(line, BreakClass.MANY_CANDIDATES, reason)
    for line in lines:
        if line.line_key not in outcomes:
            outcomes[line.line_key] = _leftover(line, equal[line.line_key], dues, matched)
    return outcomes


def _leftover(
    line: StatementRow, equal: Sequence[Expectation], dues: Sequence[Expectation], matched: set[ExpectationKey]
) -> Outcome:
    """The reason why no rule matched; the clearest one, if there are several."""
    if equal:
        return Different(line, equal[0], BreakClass.DUPLICATE_PAYMENT, f"{equal[0].key} has been paid already")
    still_open = [due for due in dues if _inside(line, due) and not due.met and due.key not in matched]
    if len(still_open) > 1:
        names = ", ".join(str(due.key) for due in still_open)
        return Unexpected(line, BreakClass.MANY_CANDIDATES, f"another amount than each of {names}")
    if still_open:
        due = still_open[0]
        same_currency = line.amount.currency == due.amount.currency
        broken = BreakClass.AMOUNT_DIFFERS if same_currency else BreakClass.CURRENCY_DIFFERS
        return Different(line, due, broken, _said(line, due))
    where = f"account {line.account_id}" if line.account_id else f"key {line.key}" if line.key else "no account, no key"
    return Unexpected(
        line, BreakClass.MISSING_INTERNAL, f"nothing is open for {where} in the month of {line.booked_on}"
    )


def _inside(line: StatementRow, due: Expectation) -> bool:
    return due.window is not None and due.window.holds(line.booked_on)


def _said(line: StatementRow, expectation: Expectation) -> str:
    return f"{line.amount} against {expectation.amount} of {expectation.key}"
