"""Reads a provider's settlement file; the rows of each payout, its own row included, must sum to zero."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from data_contracts.files import FileFault
from ledger.money import Currency, Money
from payments.expectation_key import (
    CaptureKey,
    ClaimKey,
    ClaimWonKey,
    ExpectationKey,
    PayoutKey,
    RefundKey,
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
SIGN = {
    LineKind.CAPTURE: 1,
    LineKind.RETURN: -1,
    LineKind.REFUND: -1,
    LineKind.CHARGEBACK: -1,
    LineKind.CHARGEBACK_WON: 1,
    LineKind.FEE: -1,
    LineKind.PAYOUT: -1,
}
_KINDS = {kind.value: kind for kind in SIGN}


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
    kind = _KINDS.get(text)
    if kind is None:
        raise SchemaDrift(path, row.line, "kind", f"{text!r} is not one of {', '.join(SIGN)}")
    code = row.text(path, "currency")
    currency = Currency.of(code)
    if currency is None:
        raise FileFault(path, row.line, "currency", f"{code!r} is not a currency we know")
    amount = Money(row.whole(path, "amount_minor") * SIGN[kind], currency)
    if amount.minor <= 0:
        raise FileFault(path, row.line, "amount_minor", f"has the wrong sign for a {kind}")
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
}
"""By kind, the type of its key and the column of the id; a refund has its payment id in the column of the attempt."""
