"""Damaged files: none crashes a reader and none is taken wrong; each is refused, or its own totals give it away."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from tests.payments.files.world import samples
from tests.payments.files.world.samples import SAMPLES, Booking, a_balance, a_camt, summary_of


def _changed(name: str, old: str, new: str, times: int = 1) -> bytes:
    text = SAMPLES[name]
    assert old in text, f"{name} has no {old}"
    return text.replace(old, new, times).encode("utf-8")


def _without_line(name: str, start: str) -> bytes:
    lines = SAMPLES[name].splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(start)]
    assert len(kept) < len(lines)
    return "".join(kept).encode()


CAMT = "camt.053"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    + "]><Document><BkToCstmrStmt><Stmt><Id>&m;</Id></Stmt></BkToCstmrStmt></Document>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a SYSTEM "file:///etc/hostname">]><Document>&a;</Document>'

REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "blank": lambda: b" \r\n\t\n",
    "random bytes": lambda: bytes(range(256)) * 4,
    "plain text": lambda: b"Dear customer, please find attached\n",
    "a page of HTML": lambda: b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    "another message": lambda: b"<Document><MndtInitnReq/></Document>",
    "JSON of another": lambda: b'{"hello": "world"}',
    "JSON null": lambda: b"[null]",
    "UTF-16": lambda: SAMPLES[CAMT].replace("UTF-8", "UTF-16").encode("utf-16"),
    "UTF-16 without a mark": lambda: SAMPLES[CAMT].replace("UTF-8", "UTF-16LE").encode("utf-16-le"),
    "an encoding of EBCDIC": lambda: _changed(CAMT, 'encoding="UTF-8"', 'encoding="cp037"'),
    "camt cut short": lambda: SAMPLES[CAMT].encode()[:-40],
    "camt cut in an entry": SAMPLES[CAMT][: SAMPLES[CAMT].index("<BookgDt>")].encode,
    "camt in Latin-1 that says UTF-8": lambda: _changed(CAMT, "B-1", "\u00e9").decode().encode("latin-1"),
    "camt with a NUL": lambda: _changed(CAMT, "S-7", "S\x007"),
    "camt with a NUL by number": lambda: _changed(CAMT, "S-7", "S&#0;7"),
    "camt with a control character": lambda: _changed(CAMT, "S-7", "S\u00857"),
    "camt with a document type": lambda: _changed(CAMT, "<Document", "<!DOCTYPE Document><Document"),
    "a document type behind a false CDATA": lambda: _changed(
        CAMT, "<Document", "<!-- <![CDATA[ --><!DOCTYPE Document><Document"
    ),
    "camt with an unknown entity": lambda: _changed(CAMT, "S-7", "&nobody;"),
    "an entity bomb": BOMB.encode,
    "an entity of another file": OUTSIDE.encode,
    "10,000 elements deep": lambda: _changed(CAMT, "<Stmt>", "<Stmt>" + "<a>" * 10_000 + "</a>" * 10_000),
    "300 elements deep": lambda: _changed(CAMT, "<Stmt>", "<Stmt>" + "<a>" * 300 + "</a>" * 300),
    "camt without an account": lambda: _changed(CAMT, "<Acct>", "<Acc>").replace(b"</Acct>", b"</Acc>"),
    "camt without a statement": lambda: _changed(CAMT, "<Stmt>", "<St>").replace(b"</Stmt>", b"</St>"),
    "camt with a negative amount": lambda: a_camt([Booking("-10.00")]).encode(),
    "camt with an amount above 10^15": lambda: a_camt([Booking("1000000000000000.01")]).encode(),
    "camt with an amount of 5,000 digits": lambda: a_camt([Booking("9" * 5_000)]).encode(),
    "camt with six decimals": lambda: a_camt([Booking("0.000001")]).encode(),
    "camt with an exponent": lambda: a_camt([Booking("1e3")]).encode(),
    "camt with an underscore": lambda: a_camt([Booking("1_000")]).encode(),
    "camt with Arabic digits": lambda: a_camt([Booking("\u0661\u0660")]).encode(),
    "camt with a comma": lambda: a_camt([Booking("10,00")]).encode(),
    "camt without a currency": lambda: a_camt([Booking(currency="")]).encode(),
    "camt with an unknown currency": lambda: a_camt([Booking(currency="GBX")]).encode(),
    "camt with a third direction": lambda: a_camt([Booking(side="BOTH")]).encode(),
    "camt with an unknown status": lambda: a_camt([Booking(status="<Cd>DONE</Cd>")]).encode(),
    "camt of the year 1899": lambda: a_camt([Booking(day="1899-12-31")]).encode(),
    "camt of the year 2999": lambda: a_camt([Booking(day="2999-01-01")]).encode(),
    "camt of 30 February": lambda: a_camt([Booking(day="2026-02-30")]).encode(),
    "camt with a day the English way": lambda: a_camt([Booking(day="02/03/2026")]).encode(),
    "camt with elements in an amount": lambda: a_camt([Booking("1<b>0</b>.00")]).encode(),
    "an order without transactions": lambda: (
        b"<Document><CstmrCdtTrfInitn><GrpHdr><MsgId>1</MsgId></GrpHdr></CstmrCdtTrfInitn></Document>"
    ),
    "a status that is not known": lambda: _changed("pain.002", "RJCT", "MAYB"),
    "mt940 without its end": lambda: _without_line("mt940", ":62F:"),
    "mt940 in an envelope without its end": lambda: _without_line("mt940", "-}"),
    "mt940 cut between two statements": SAMPLES["mt940"][: SAMPLES["mt940"].index(":64:")].encode,
    "mt940 with a line out of place": lambda: _changed("mt940", ":28C:7/1", ":28C:7/1\nand more"),
    "mt940 with a damaged tag": lambda: _changed("mt940", ":62F:", ":62F"),
    "mt940 with an unknown field": lambda: _changed("mt940", ":64:", ":99:"),
    "mt940 with two openings": lambda: _changed("mt940", ":60F:", ":60F:C260301GBP1,00\n:60F:"),
    "mt940 with a bad movement": lambda: _changed("mt940", ":61:2603020302C50,00", ":61:2603020302X50,00"),
    "mt940 with a point": lambda: _changed("mt940", "C50,00", "C50.00"),
    "mt940 of 31 February": lambda: _changed("mt940", ":61:2603020302C", ":61:2602310302C"),
    "mt940 of an unknown currency": lambda: _changed("mt940", "GBP", "QQQ", 9),
    "bai2 cut short": lambda: _without_line("bai2", "99,"),
    "bai2 without an account's end": lambda: _without_line("bai2", "49,1105000"),
    "bai2 of another version": lambda: _changed("bai2", ",,2/", ",,3/"),
    "bai2 with a loan": lambda: _changed("bai2", "16,475,", "16,720,"),
    "bai2 with letters for an amount": lambda: _changed("bai2", "16,475,60000", "16,475,6OOOO"),
    "bai2 with an unknown record": lambda: _changed("bai2", "16,890", "17,890"),
    "nacha cut short": lambda: _without_line("nacha", "9"),
    "nacha without a batch control": lambda: _without_line("nacha", "82"),
    "nacha with a long line": lambda: _changed("nacha", "A SHOPPER", "A SHOPPER MORE"),
    "nacha with letters for an amount": lambda: _changed("nacha", "0000010025", "00000I0025"),
    "nacha with an unknown code": lambda: _changed("nacha", "627231", "687231"),
    "nacha with an unknown reason": lambda: _changed("nacha", "799R01", "799X01"),
    "standard 18 cut short": lambda: _without_line("bacs.standard18", "UTL1"),
    "standard 18 with a short record": lambda: _changed("bacs.standard18", "ATTEMPT 1 ", "ATTEMPT 1"),
    "standard 18 with an unknown code": lambda: _changed(
        "bacs.standard18", "200000112233440" + "17", "200000112233440" + "77"
    ),
    "standard 18 of day 400": lambda: _changed("bacs.standard18", "26062", "26400"),
    "an unpaid debit without a code": lambda: _changed("bacs.arudd", 'returnCode="1012"', ""),
    "an unpaid debit with a long code": lambda: _changed("bacs.arudd", '"1012"', '"101"'),
    "an unpaid debit without a currency": lambda: _changed("bacs.arudd", 'valueOf="20.50" currency="GBP"', ""),
    "an advice without a reference": lambda: _changed("bacs.advices", 'reference="MANDATE 1"', ""),
    "a claim for an unknown reason": lambda: _changed("bacs.ddica", "<ReasonCode>5", "<ReasonCode>9"),
    "JSON cut short": lambda: SAMPLES["gocardless"].encode()[:-30],
    "JSON with a key twice": lambda: _changed("gocardless", '"amount": "45.0"', '"amount": "1", "amount": "45.0"'),
    "JSON 100,000 deep": lambda: b'{"a":' * 100_000,
    "JSON with a number of 10,000 digits": lambda: _changed("stripe", "1000,", "9" * 10_000 + ","),
    "JSON that is not UTF-8": lambda: _changed("stripe", "txn_1", "\u00e9").decode().encode("latin-1"),
    "a payout item of an unknown type": lambda: _changed("gocardless", "payment_failed", "payment_lost"),
    "a payout item with an exponent": lambda: _changed("gocardless", '"45.0"', '"4e1"'),
    "an amount that is not whole": lambda: _changed("stripe", '"amount": 1000', '"amount": 1000.5'),
    "an amount that is a truth": lambda: _changed("stripe", '"amount": 1000', '"amount": true'),
    "an amount that is infinite": lambda: _changed("stripe", '"amount": 1000', '"amount": Infinity'),
    "a moment before 1990": lambda: _changed("stripe", "1772445600", "1000"),
    "a balance transaction without a status": lambda: _changed("stripe", '"status": "available",', ""),
}

BROKEN_TOTALS: dict[str, Callable[[], bytes]] = {
    "camt that lost an entry": lambda: a_camt([]).encode(),
    "camt with a changed amount": lambda: a_camt([Booking("10.01")]).encode(),
    "camt with an entry twice": lambda: a_camt([Booking(), Booking()]).encode(),
    "camt with two closing balances": lambda: a_camt(more=a_balance("CLBD", "120.00")).encode(),
    "an order with another control sum": lambda: _changed("pain.001", "1016.00</CtrlSum>", "1016.01</CtrlSum>"),
    "an order with another header sum": lambda: _changed("pain.001", "1116.5<", "1116.6<"),
    "an order with another number": lambda: _changed("pain.001", "<NbOfTxs>3", "<NbOfTxs>4"),
    "an interbank order with another total": lambda: _changed("pacs.008", ">5000<", ">5000.01<"),
    "mt940 with another movement": lambda: _changed("mt940", "C50,00", "C50,01"),
    "mt940 that lost a movement": lambda: _without_line("mt940", ":61:2603020302D10,50"),
    "mt940 with a reversal turned": lambda: _changed("mt940", ":61:260302RD7,25", ":61:260302D7,25"),
    "bai2 with another amount": lambda: _changed("bai2", "16,475,60000", "16,475,60001"),
    "bai2 with another number of records": lambda: _changed("bai2", "99,1106000,1,14", "99,1106000,1,15"),
    "bai2 with another number of accounts": lambda: _changed("bai2", "98,1106000,2", "98,1106000,3"),
    "bai2 with a debit for a credit": lambda: _changed("bai2", "16,165,15000", "16,475,15000"),
    "nacha with another amount": lambda: _changed("nacha", "0000010025", "0000010026"),
    "nacha with another institution": lambda: _changed("nacha", "62723138010", "62723138011"),
    "nacha with a credit for a debit": lambda: _changed("nacha", "627231", "622231"),
    "nacha with another number of blocks": lambda: _changed("nacha", "9000003000002", "9000003000003"),
    "standard 18 with another amount": lambda: _changed("bacs.standard18", "00000002050", "00000002051"),
    "standard 18 with another count": lambda: _changed("bacs.standard18", "00000020000001", "00000030000001"),
    "unpaid debits with another total": lambda: _changed("bacs.arudd", 'valueOf="30.00"', 'valueOf="30.01"'),
    "unpaid debits with another number": lambda: _changed("bacs.arudd", 'numberOf="2"', 'numberOf="1"'),
    "claims with another total": lambda: _changed("bacs.ddica", "30.00</TotalValue", "31.00</TotalValue"),
    "a claim with another sum": lambda: _changed("bacs.ddica", "<Amount>10.00", "<Amount>11.00"),
    "a balance transaction with another net": lambda: _changed("stripe", '"net": 970', '"net": 971'),
    "fees that do not add up": lambda: _changed(
        "stripe", '"fee_details": [{"amount": 30', '"fee_details": [{"amount": 29'
    ),
}


@pytest.mark.parametrize("damage", REFUSED)
def test_what_cannot_be_read_is_refused_within_a_second_and_its_reason_is_one_line(damage: str, tmp_path: Path) -> None:
    content = REFUSED[damage]()
    begun = time.process_time()

    with pytest.raises(FileFault) as caught:
        summary_of(tmp_path, content)

    assert time.process_time() - begun < 1
    assert "\n" not in caught.value.user_message
    assert caught.value.field


@pytest.mark.parametrize("damage", BROKEN_TOTALS)
def test_totals_that_its_own_entries_contradict_give_a_file_away(damage: str, tmp_path: Path) -> None:
    breaks = summary_of(tmp_path, BROKEN_TOTALS[damage]()).breaks

    assert breaks
    assert all(each.break_class.value == "E26" and each.says != each.found for each in breaks)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_anywhere_raises_nothing_but_a_fault(name: str, tmp_path: Path) -> None:
    whole = SAMPLES[name].encode()
    for end in range(0, len(whole) - 2, 37):
        try:
            summary_of(tmp_path, whole[:end])
        except FileFault:
            continue


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_with_any_byte_changed_raises_nothing_but_a_fault(name: str, tmp_path: Path) -> None:
    whole = SAMPLES[name].encode()
    for place in range(0, len(whole), 23):
        for byte in (b"\x00", b"9", b"<", b"\xff"):
            try:
                summary_of(tmp_path, whole[:place] + byte + whole[place + 1 :])
            except FileFault:
                continue


def test_a_file_over_the_limit_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="has 2,000 bytes; at most 1,999 are read"):
        summary_of(tmp_path, b"\x00" * 2_000, limit=1_999)


def test_at_least_31_kinds_of_damage_are_tried() -> None:
    assert len(REFUSED) + len(BROKEN_TOTALS) >= 31


def test_a_folder_is_no_payment_file(tmp_path: Path) -> None:
    from payments.files.world.read_payment_file import read_payment_file

    with pytest.raises(FileFault, match="is not a file"):
        read_payment_file(tmp_path, samples.LIMIT)
