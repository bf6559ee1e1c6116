"""Reads a provider's settlement file; the rows of each payout, its own row included, must sum to zero."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

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
from payments.files.control_file import FileContent, NumberedRow, controlled_rows
from payments.files.line import FileLine, ParsedFile
from payments.files.schema_drift import SchemaDrift
from payments.ids import AttemptId, CaseId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKind

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
    """The rows of the file, as they are asked for. Raises FileFault, also if a payout is not the sum of its rows."""
    return ParsedFile(SETTLEMENT, _lines(content), dated_by_last=True)


def _lines(content: FileContent) -> Iterator[FileLine]:
    sums: dict[str, int] = defaultdict(int)
    currencies: dict[str, Currency] = {}
    for row in controlled_rows(content, COLUMNS):
        line = _line(content, row)
        payout_id = str(line.payout_id)
        first = currencies.setdefault(payout_id, line.amount.currency)
        if line.amount.currency is not first:
            reason = f"{line.amount.currency} in payout {payout_id!r}, which began in {first}"
            raise FileFault(content.path, row.line, "currency", reason)
        sums[payout_id] += line.amount.minor * SIGN[line.kind]
        yield line
    for payout_id, total in sorted(sums.items()):
        if total:
            raise FileFault(content.path, 0, "amount_minor", f"the rows of {payout_id} sum to {total}, not to zero")


def _line(content: FileContent, row: NumberedRow) -> FileLine:
    path = content.path
    text = row.text(path, "kind")
    if text not in _KINDS:
        raise SchemaDrift(path, row.line, "kind", f"{text!r} is not one of {', '.join(_KINDS)}")
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
    booked_on = row.day(content, "booked_on")
    return FileLine(
        line_id=row.text(path, "line_id"),
        kind=kind,
        amount=amount,
        booked_on=booked_on,
        reported_on=booked_on,
        key=_key(content, row, kind, payout_id),
        payout_id=payout_id,
        detail=row.values["detail"],
        reference=row.values["reference"] or None,
        row=row.line,
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
