"""Reads a provider's settlement file; the rows of each payout, its own row included, must sum to zero."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from payments.expectation_key import (
    CaptureKey,
    ClaimKey,
    ClaimWonKey,
    DebitKey,
    ExpectationKey,
    PayoutKey,
    RefundKey,
    ReserveKey,
    ReturnKey,
)
from payments.files.control_file import FileContent, NumberedRow, read_controlled
from payments.files.line import FileLine, ParsedFile
from payments.ids import AttemptId, CaseId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKey, LineKind

SETTLEMENT = "provider_settlement"
COLUMNS = (
    "line_id", "kind", "attempt_id", "reference", "amount_minor", "currency", "booked_on", "payout_id", "detail"
)  # fmt: skip
SIGN: Mapping[LineKind, int] = {
    LineKind.CAPTURE: 1,
    LineKind.RETURN: -1,
    LineKind.REFUND: -1,
    LineKind.CHARGEBACK: -1,
    LineKind.CHARGEBACK_WON: 1,
    LineKind.FEE: -1,
    LineKind.FEE_RETURNED: 1,
    LineKind.RESERVE_HELD: -1,
    LineKind.RESERVE_RELEASED: 1,
    LineKind.PAYOUT: -1,
    LineKind.PAYOUT_TAKEN: 1,
}
"""What a row does to the balance that the provider owes us."""
WRITTEN: Mapping[LineKind, str] = {
    LineKind.FEE_RETURNED: "fee",
    LineKind.RESERVE_HELD: "reserve",
    LineKind.RESERVE_RELEASED: "reserve",
    LineKind.PAYOUT_TAKEN: "payout",
}
"""How files and facts write the kinds that differ from another in their sign alone."""
_KINDS: Mapping[str, Mapping[int, LineKind]] = {
    text: {SIGN[kind]: kind for kind in SIGN if WRITTEN.get(kind, kind.value) == text}
    for text in dict.fromkeys(WRITTEN.get(kind, kind.value) for kind in SIGN)
}


def read_provider_settlement(content: FileContent) -> ParsedFile:
    """All rows of the file; raises FileFault, also if a payout is not the sum of its rows."""
    rows = read_controlled(content, COLUMNS)
    settled_on = max((row.day(content, "booked_on") for row in rows), default=date.min)
    lines = [_line(content, row, settled_on) for row in rows]
    sums: dict[str, int] = defaultdict(int)
    currencies: dict[str, Currency] = {}
    seen: set[LineKey] = set()
    for row, line in zip(rows, lines, strict=True):
        if line.line_key in seen:
            raise FileFault(content.path, row.line, "line_id", f"{line.line_id!r} stands on two rows")
        seen.add(line.line_key)
        first = currencies.setdefault(str(line.payout_id), line.amount.currency)
        if line.amount.currency is not first:
            reason = f"{line.amount.currency} in payout {line.payout_id!r}, which began in {first}"
            raise FileFault(content.path, row.line, "currency", reason)
        sums[str(line.payout_id)] += row.whole(content.path, "amount_minor")
    for payout_id, total in sorted(sums.items()):
        if total:
            raise FileFault(content.path, 0, "amount_minor", f"the rows of {payout_id} sum to {total}, not to zero")
    return ParsedFile(SETTLEMENT, tuple(lines))


def _line(content: FileContent, row: NumberedRow, settled_on: date) -> FileLine:
    path = content.path
    text = row.text(path, "kind")
    if text not in _KINDS:
        raise FileFault(path, row.line, "kind", f"{text!r} is not one of {', '.join(_KINDS)}")
    code = row.text(path, "currency")
    currency = Currency.of(code)
    if currency is None:
        raise FileFault(path, row.line, "currency", f"{code!r} is not a currency we know")
    minor = row.whole(path, "amount_minor")
    kind = _KINDS[text].get((minor > 0) - (minor < 0))
    if kind is None:
        raise FileFault(path, row.line, "amount_minor", f"has the wrong sign for a {text}")
    amount = Money(abs(minor), currency)
    payout_id = ProviderPayoutId(row.text(path, "payout_id"))
    return FileLine(
        line_id=row.text(path, "line_id"),
        kind=kind,
        amount=amount,
        booked_on=row.day(content, "booked_on"),
        reported_on=settled_on,
        key=_key(content, row, kind, payout_id),
        payout_id=payout_id,
        detail=row.values["detail"],
        reference=row.values["reference"] or None,
    )


def _key(content: FileContent, row: NumberedRow, kind: LineKind, payout_id: ProviderPayoutId) -> ExpectationKey | None:
    """The expectation that a row names, or None for kinds of rows that name none."""
    if kind is LineKind.PAYOUT:
        return PayoutKey(payout_id)
    if kind is LineKind.PAYOUT_TAKEN:
        return DebitKey(payout_id)
    keyed = _KEYED.get(kind)
    if keyed is None:
        return None
    key, column = keyed
    return key(row.text(content.path, column))


_KEYED: Mapping[LineKind, tuple[Callable[[str], ExpectationKey], str]] = {
    LineKind.CAPTURE: (lambda text: CaptureKey(AttemptId(text)), "attempt_id"),
    LineKind.RETURN: (lambda text: ReturnKey(AttemptId(text)), "attempt_id"),
    LineKind.REFUND: (lambda text: RefundKey(RefundPaymentId(text)), "attempt_id"),
    LineKind.CHARGEBACK: (lambda text: ClaimKey(CaseId(text)), "detail"),
    LineKind.CHARGEBACK_WON: (lambda text: ClaimWonKey(CaseId(text)), "detail"),
    LineKind.RESERVE_RELEASED: (ReserveKey, "detail"),
}
"""By kind, the type of its key and the column of the id.

A refund has its payment id in the column of the attempt; a released reserve names in `detail` the row that withheld it.
"""
