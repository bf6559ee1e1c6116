"""The rules of matching in pure Python, line by line: what the SQL of the product has to agree with."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import combinations

from ledger.money import Money
from payments.break_class import BreakClass
from payments.expectation import Expectation, StatementRow
from payments.expectation_key import ExpectationKey, PayoutKey, ReserveKey
from payments.ids import ProviderPayoutId
from payments.line_key import LineKey, LineKind
from payments.reconciliation.matching import Different, Matched, MatchRule, Outcome, Unexpected, outcomes_of
from payments.rules.damaged_reference import alike, names_an_id, words_of

MOST_CANDIDATES = 30


def match(
    lines: Iterable[StatementRow], expectations: Iterable[Expectation], providers: Collection[str] = ()
) -> list[Outcome]:
    """The outcomes of each line, in the order of (booked on, amount, id). Unmatched expectations stay open.

    `providers` are the names under which providers' money comes.
    """
    rows = sorted(lines, key=StatementRow.order)
    known = {each.key: each for each in expectations}
    several = {row.line_key: named for row in rows if len(named := _named(row, known)) > 1}
    outcomes = {
        line_key: [found]
        for line_key, found in _by_id([row for row in rows if row.line_key not in several], known).items()
    }
    taken = _taken(outcomes)
    outcomes |= _by_sum([row for row in rows if row.line_key in several], several, taken)
    taken = _taken(outcomes) | {each.key for each in known.values() if each.met}
    by_account: dict[str, list[Expectation]] = defaultdict(list)
    for expectation in sorted(known.values(), key=Expectation.order):
        if expectation.account_id is not None and expectation.window is not None:
            by_account[expectation.account_id].append(expectation)
    left: dict[str, list[StatementRow]] = defaultdict(list)
    for row in rows:
        if row.line_key not in outcomes:
            left[row.account_id or ""].append(row)
    for account_id, account_lines in left.items():
        due = _by_window(account_lines, by_account.get(account_id, []), taken)
        outcomes |= {line_key: [found] for line_key, found in due.items()}
    rest = [row for row in left.get("", ()) if row.line_key.kind is not LineKind.REPAYMENT]
    outcomes |= _by_reference(rest, [each for each in known.values() if each.key not in taken], providers)
    return [outcome for row in rows for outcome in outcomes[row.line_key]]


def _taken(outcomes: dict[LineKey, list[Outcome]]) -> set[ExpectationKey]:
    return {each.expectation.key for found in outcomes.values() for each in found if isinstance(each, Matched)}


def _named(line: StatementRow, known: dict[ExpectationKey, Expectation]) -> list[Expectation]:
    """The payouts that the text of a credit names."""
    if line.line_key.kind is not LineKind.CREDIT:
        return []
    keys: set[ExpectationKey] = {PayoutKey(ProviderPayoutId(word)) for word in words_of(line.detail)}
    return [known[key] for key in sorted(keys, key=str) if key in known]


def _by_id(rows: Sequence[StatementRow], known: dict[ExpectationKey, Expectation]) -> dict[LineKey, Outcome]:
    """An id of ours, with amount and currency; or lines that name one payout and make it up."""
    outcomes: dict[LineKey, Outcome] = {}
    naming: dict[ExpectationKey, list[StatementRow]] = defaultdict(list)
    for row in rows:
        if row.key is not None and row.key in known:
            naming[row.key].append(row)
    for key, lines in naming.items():
        outcomes |= _of_one(lines, known[key])
    return outcomes


def _of_one(lines: Sequence[StatementRow], expectation: Expectation) -> dict[LineKey, Outcome]:
    """What the lines are that name this expectation."""
    first = next((line for line in lines if expectation.fits(line.amount)), None)
    short = [line for line in lines if _short(line, expectation)]
    so_far = Money.total((line.amount for line in short), expectation.amount.currency)
    found: dict[LineKey, Outcome] = {}
    for line in lines:
        if expectation.met or (first is not None and lines.index(line) > lines.index(first)):
            reason = f"{expectation.key} has been paid already"
            found[line.line_key] = Different(line, expectation, BreakClass.DUPLICATE_PAYMENT, reason)
        elif line.amount.currency is not expectation.amount.currency:
            found[line.line_key] = Different(line, expectation, BreakClass.CURRENCY_DIFFERS, _said(line, expectation))
        elif line is first:
            rule = MatchRule.ID if line.amount == expectation.amount else MatchRule.TOLERANCE
            found[line.line_key] = Matched(line, expectation, rule)
        elif line not in short or first is not None or (so_far > expectation.amount and not expectation.fits(so_far)):
            found[line.line_key] = Different(line, expectation, BreakClass.AMOUNT_DIFFERS, _said(line, expectation))
        elif expectation.fits(so_far) and isinstance(expectation.key, PayoutKey):
            found[line.line_key] = Matched(line, expectation, MatchRule.PARTS)
        else:
            (found[line.line_key],) = outcomes_of(line, "E17", [expectation], None)
    return found


def _short(line: StatementRow, expectation: Expectation) -> bool:
    in_parts = isinstance(expectation.key, PayoutKey | ReserveKey)
    same_currency = line.amount.currency is expectation.amount.currency
    return in_parts and same_currency and line.amount < expectation.amount and not expectation.fits(line.amount)


def _by_sum(
    rows: Sequence[StatementRow], several: dict[LineKey, list[Expectation]], taken: set[ExpectationKey]
) -> dict[LineKey, list[Outcome]]:
    """One credit for several payouts: all of them are open, none is claimed by another line, and it is their sum."""
    makes_up = {row.line_key for row in rows if _makes_up(row, several[row.line_key], taken)}
    claims: dict[ExpectationKey, int] = defaultdict(int)
    for line_key in makes_up:
        for each in several[line_key]:
            claims[each.key] += 1
    return {
        row.line_key: outcomes_of(
            row,
            "named_sum"
            if row.line_key in makes_up and all(claims[each.key] == 1 for each in several[row.line_key])
            else "E13",
            several[row.line_key],
            None,
        )
        for row in rows
    }


def _makes_up(row: StatementRow, named: Sequence[Expectation], taken: set[ExpectationKey]) -> bool:
    currency = row.amount.currency
    if any(each.met or each.key in taken or each.amount.currency is not currency for each in named):
        return False
    return Money.total((each.amount for each in named), currency) == row.amount


def _by_reference(
    rows: Sequence[StatementRow], still_open: Sequence[Expectation], providers: Collection[str]
) -> dict[LineKey, list[Outcome]]:
    """A damaged reference of the same kind, amount and days; or what a provider's credit without any may be."""
    known = sorted(still_open, key=lambda each: str(each.key))
    fitting = {row.line_key: [each for each in known if _is_damaged(row, each)] for row in rows}
    claims: dict[ExpectationKey, int] = defaultdict(int)
    for found in fitting.values():
        for each in found:
            claims[each.key] += 1
    outcomes: dict[LineKey, list[Outcome]] = {}
    for row in rows:
        found = fitting[row.line_key]
        rivals = max((claims[each.key] for each in found), default=0)
        if found:
            unique = len(found) == 1 and rivals == 1
            outcomes[row.line_key] = outcomes_of(row, "reference" if unique else "E15", found, rivals)
        elif offered := _offered(row, known, providers):
            outcomes[row.line_key] = outcomes_of(row, "E15", offered, None)
    return outcomes


def _is_damaged(row: StatementRow, expectation: Expectation) -> bool:
    if row.key is None or expectation.awaited is None or not expectation.awaited.holds(row.booked_on):
        return False
    kind, _, about = str(row.key).partition(":")
    told = row.detail if row.line_key.kind in (LineKind.CREDIT, LineKind.DEBIT) else about
    of_kind, _, known = str(expectation.key).partition(":")
    return kind == of_kind and row.amount == expectation.amount and alike(told, known)


def _offered(row: StatementRow, known: Sequence[Expectation], providers: Collection[str]) -> Sequence[Expectation]:
    """Open payouts that a credit of a provider may be, when its text names nothing: some, or the one pair of a sum."""
    nameless = row.line_key.kind is LineKind.CREDIT and not names_an_id(row.detail) and row.counterparty in providers
    if not nameless:
        return []
    near = [
        each
        for each in known
        if isinstance(each.key, PayoutKey)
        and each.awaited is not None
        and each.awaited.holds(row.booked_on)
        and each.amount.currency is row.amount.currency
        and each.amount <= row.amount
    ]
    if len(near) > MOST_CANDIDATES:
        return []
    pairs = [pair for pair in combinations(near, 2) if pair[0].amount + pair[1].amount == row.amount]
    return [each for each in near if each.amount == row.amount] or (pairs[0] if len(pairs) == 1 else [])


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
            keys = tuple(due.key for due in candidates)
            outcomes[line.line_key] = Unexpected(line, BreakClass.MANY_CANDIDATES, reason, keys)
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
        keys = tuple(due.key for due in still_open)
        return Unexpected(line, BreakClass.MANY_CANDIDATES, f"another amount than each of {names}", keys)
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
