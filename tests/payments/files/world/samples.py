"""Small payment files of every format that is read, invented for the tests; each one's own totals hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from payments.files.world.item import FileEntry, FileItem
from payments.files.world.read_payment_file import FileSummary, read_payment_file, summarise

LIMIT = 10_000_000


def summary_of(folder: Path, content: str | bytes, limit: int = LIMIT) -> FileSummary:
    """What a file of that content is read to."""
    return summarise(*read_payment_file(a_file(folder, content), limit))


def items_of(folder: Path, content: str) -> list[FileItem]:
    return list(read_payment_file(a_file(folder, content), LIMIT)[1])


def entries_of(folder: Path, content: str) -> list[FileEntry]:
    return [item for item in items_of(folder, content) if isinstance(item, FileEntry)]


def a_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "payments.dat"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


@dataclass(frozen=True, slots=True)
class Booking:
    """An entry of a camt message as the tests write it."""

    amount: str = "10.00"
    currency: str = "GBP"
    side: str = "CRDT"
    status: str = "<Cd>BOOK</Cd>"
    day: str = "2026-03-02"
    more: str = ""

    @property
    def xml(self) -> str:
        return (
            f'<Ntry><Amt Ccy="{self.currency}">{self.amount}</Amt><CdtDbtInd>{self.side}</CdtDbtInd>'
            f"<Sts>{self.status}</Sts><BookgDt><Dt>{self.day}</Dt></BookgDt><ValDt><Dt>2026-03-03</Dt></ValDt>"
            f"<AcctSvcrRef>B-1</AcctSvcrRef>{self.more}</Ntry>"
        )


def a_balance(kind: str, amount: str, currency: str = "GBP", side: str = "CRDT") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>\n"
    )


def a_camt(
    entries: Iterable[Booking] = (Booking(),),
    *,
    opening: str | None = "100.00",
    closing: str | None = "110.00",
    currency: str = "GBP",
    message: str = "BkToCstmrStmt",
    part: str = "Stmt",
    version: str = "camt.053.001.08",
    more: str = "",
) -> str:
    balances = ""
    if opening is not None:
        balances += a_balance("OPBD", opening, currency)
    if closing is not None:
        balances += a_balance("CLBD", closing, currency)
    booked = "\n".join(each.xml for each in entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><{message}>\n'
        "<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-02T18:00:00Z</CreDtTm></GrpHdr>\n"
        f"<{part}><Id>S-7</Id><Acct><Id><IBAN>GB33BUKB20201555555555</IBAN></Id></Acct>\n"
        f"{balances}{more}{booked}\n</{part}></{message}></Document>\n"
    )


def a_detail(amount: str, currency: str = "GBP", *, end_to_end: str = "E-1", reason: str | None = None) -> str:
    returned = "" if reason is None else f"<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>"
    return (
        f'<TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd>{returned}</TxDtls>"
    )


PAIN001 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>P-1</MsgId><CreDtTm>2026-03-02T08:00:00</CreDtTm><NbOfTxs>3</NbOfTxs><CtrlSum>1116.5</CtrlSum></GrpHdr>
<PmtInf><PmtInfId>B-1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>2</NbOfTxs><CtrlSum>1016.00</CtrlSum>
<ReqdExctnDt><Dt>2026-03-03</Dt></ReqdExctnDt>
<DbtrAcct><Id><IBAN>CH5604835012345678009</IBAN></Id></DbtrAcct>
<CdtTrfTxInf><PmtId><EndToEndId>E-1</EndToEndId></PmtId><Amt><InstdAmt Ccy="CHF">1000.00</InstdAmt></Amt>
<Cdtr><Nm>Ada &amp; Co</Nm></Cdtr></CdtTrfTxInf>
<CdtTrfTxInf><PmtId><EndToEndId>E-2</EndToEndId></PmtId><Amt><InstdAmt Ccy="CHF">16.00</InstdAmt></Amt></CdtTrfTxInf>
</PmtInf>
<PmtInf><PmtInfId>B-2</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs>
<ReqdExctnDt><Dt>2026-03-03</Dt></ReqdExctnDt>
<DbtrAcct><Id><IBAN>CH5604835012345678010</IBAN></Id></DbtrAcct>
<CdtTrfTxInf><PmtId><EndToEndId>E-3</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">100.50</InstdAmt></Amt></CdtTrfTxInf>
</PmtInf></CstmrCdtTrfInitn></Document>
"""

PAIN008 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"><CstmrDrctDbtInitn>
<GrpHdr><MsgId>D-1</MsgId><CreDtTm>2026-03-02T08:00:00</CreDtTm><NbOfTxs>2</NbOfTxs></GrpHdr>
<PmtInf><PmtInfId>B-1</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>2</NbOfTxs><CtrlSum>30.75</CtrlSum>
<ReqdColltnDt>2026-03-05</ReqdColltnDt>
<CdtrAcct><Id><IBAN>DE87200500001234567890</IBAN></Id></CdtrAcct>
<DrctDbtTxInf><PmtId><EndToEndId>E-1</EndToEndId></PmtId><InstdAmt Ccy="EUR">10.25</InstdAmt></DrctDbtTxInf>
<DrctDbtTxInf><PmtId><EndToEndId>E-2</EndToEndId></PmtId><InstdAmt Ccy="EUR">20.50</InstdAmt></DrctDbtTxInf>
</PmtInf></CstmrDrctDbtInitn></Document>
"""

PACS008 = """<envelope><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><BizMsgIdr>X</BizMsgIdr></AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf>
<GrpHdr><MsgId>F-1</MsgId><NbOfTxs>1</NbOfTxs><TtlIntrBkSttlmAmt Ccy="USD">5000</TtlIntrBkSttlmAmt></GrpHdr>
<CdtTrfTxInf><PmtId><EndToEndId>E-1</EndToEndId></PmtId><IntrBkSttlmAmt Ccy="USD">5000</IntrBkSttlmAmt>
<IntrBkSttlmDt>2026-03-04</IntrBkSttlmDt><InstdAmt Ccy="USD">5001</InstdAmt></CdtTrfTxInf>
</FIToFICstmrCdtTrf></Document></envelope>
"""

PAIN002 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R-1</MsgId></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>D-1</OrgnlMsgId><OrgnlMsgNmId>pain.008</OrgnlMsgNmId><GrpSts>PART</GrpSts>
</OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>B-1</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>E-2</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>MD07</Cd></Rsn></StsRsnInf></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"""

PACS002 = """<Document><FIToFIPmtStsRpt><GrpHdr><MsgId>R-1</MsgId></GrpHdr>
<TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>E-2</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Prtry>118</Prtry></Rsn></StsRsnInf></TxInfAndSts>
</FIToFIPmtStsRpt></Document>
"""

MT940 = """{1:F01BANKGB2LXXXX0000000000}{2:I940BANKGB2LXXXXN}{4:
:20:REF-1
:25:GB33BUKB20201555555555
:28C:7/1
:60F:C260301GBP100,00
:61:2603020302C50,00NTRFE-1//B-1
:86:payment of an instalment
that goes on
:61:2603020302D10,50NMSCE-2
:61:2603020302RC5,00NRTIE-3
:86:returned
:62F:C260302GBP134,50
:64:C260302GBP134,50
-}
:20:REF-2
:25:DE87200500001234567890
:28C:8
:60F:D260301EUR20,
:61:260302RD7,25NTRFE-4
:62F:D260302EUR12,75
"""

BAI2 = """01,BANK,TRANCHE,260302,0600,7,80,,2/
02,TRANCHE,BANK,1,260302,2359,USD,2/
03,0975312468,USD,010,500000,,,015,455000,,/
88,100,15000,1,,400,60000,1,/
16,165,15000,S,1000,4000,10000,E-1,B-1,PAID BY, THE SHOPPER
88,AND MORE / TEXT
16,475,60000,V,260303,0900,E-2,B-2,CHEQUE/
16,890,,,,,A NOTE WITHOUT MONEY/
49,1105000,7/
03,12345,JPY,010,+900,,0/
16,399,100,0,E-3,,/
49,1000,3/
98,1106000,2,12/
99,1106000,1,14/
"""


def a_nacha() -> str:
    """A batch with a debit and a credit, a batch of a return, and one of a notification of change."""
    return nacha_file(
        nacha_batch(
            1,
            nacha_entry("27", "23138010", 10_025, 1),
            nacha_entry("22", "09140060", 500, 2),
            debit=10_025,
            credit=500,
            routing=23138010 + 9140060,
        ),
        nacha_batch(
            2,
            nacha_entry("26", "09140060", 2_000, 3, addenda=True),
            "799R01" + "091400600000001" + " " * 6 + "09100001" + " " * 44 + "000000000000003",
            debit=2_000,
            routing=9140060,
        ),
        nacha_batch(
            3,
            nacha_entry("21", "23138010", 0, 4, addenda=True),
            "798C01" + "121042880000001" + " " * 6 + "12104288" + "1918171614".ljust(29) + " " * 15 + "000000000000004",
            routing=23138010,
        ),
    )


def nacha_entry(code: str, institution: str, cents: int, trace: int, *, addenda: bool = False) -> str:
    return (
        f"6{code}{institution}4{'123456789':<17}{cents:010}{'E-' + str(trace):<15}{'A SHOPPER':<22}  "
        f"{int(addenda)}{trace:015}"
    )


def nacha_batch(number: int, *records: str, debit: int = 0, credit: int = 0, routing: int) -> str:
    count = len(records)
    head = f"5200{'TRANCHE':<16}{'':<20}{'1234567890'}PPD{'INSTALMENT':<10}{'':<6}260302{'':<3}1{'12104288'}{number:07}"
    tail = f"8200{count:06}{routing:010}{debit:012}{credit:012}{'1234567890'}{'':<19}{'':<6}{'12104288'}{number:07}"
    return "\n".join([head, *records, tail])


def nacha_file(*batches: str) -> str:
    lines = "\n".join(batches).split("\n")
    entries = [line for line in lines if line[0] in "67"]
    tails = [line for line in lines if line[0] == "8"]
    debit, credit = (sum(int(line[a:b]) for line in tails) for a, b in ((20, 32), (32, 44)))
    routing = sum(int(line[10:20]) for line in tails)
    blocks = -(-(len(lines) + 2) // 10)
    head = f"101 231380104 1210428822603020900A094101{'THE BANK':<23}{'TRANCHE':<23}{'':<8}"
    tail = f"9{len(batches):06}{blocks:06}{len(entries):08}{routing:010}{debit:012}{credit:012}{'':<39}"
    fill = ["9" * 94] * (blocks * 10 - len(lines) - 2)
    return "\n".join([head, *lines, tail, *fill]) + "\n"


def standard18_record(code: str, pence: int, day: str = "") -> str:
    return f"200000112233440{code}20000077776666{'':4}{pence:011}{'TRANCHE':<18}{'ATTEMPT 1':<18}{'A SHOPPER':<18}" + (
        f" {day}" if day else ""
    )


STANDARD18 = "\r\n".join(
    [
        f"{'VOL1ABC123':<80}",
        f"{'HDR1A123456S  1123456':<80}",
        f"{'HDR2F0200000100':<80}",
        f"{'UHL1 26062999999    000000001 DAILY  001':<80}",
        standard18_record("0N", 0),
        standard18_record("01", 1_000),
        standard18_record("17", 2_050),
        standard18_record("99", 3_050),
        f"{'EOF1A123456S  1123456':<80}",
        f"{'EOF2F0200000100':<80}",
        f"{'UTL10000000003050000000000305000000020000001':<80}",
        "",
    ]
)

ARUDD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<BACSDocument><Data><ARUDD><Header reportType="REFT1019"/><Advice>
<OriginatingAccountRecords><OriginatingAccountRecord>
<OriginatingAccount name="TRANCHE" number="77776666" sortCode="20-00-00"/>
<ReturnedDebitItem ref="ATTEMPT 1" transCode="17" returnCode="1012" returnDescription="INSTRUCTION CANCELLED"
 originalProcessingDate="2026-03-02" valueOf="20.50" currency="GBP">
<PayerAccount number="11223344" sortCode="20-00-00" name="JOS\u00c9"/></ReturnedDebitItem>
<ReturnedDebitItem ref="ATTEMPT 2" transCode="17" returnCode="0" returnDescription="REFER TO PAYER"
 originalProcessingDate="2026-03-02" valueOf="9.50" currency="GBP"><PayerAccount number="1"/></ReturnedDebitItem>
<Totals numberOf="2" valueOf="30.00" currency="GBP"/>
</OriginatingAccountRecord></OriginatingAccountRecords></Advice></ARUDD></Data></BACSDocument>
"""

ADDACS = """<?xml version="1.0" encoding="UTF-8"?>
<BACSDocument><Data><MessagingAdvices><MessagingHeader user-number="123456" report-generation-date="2026-03-02"/>
<MessagingAdvice user-number="123456" record-type="A" effective-date="2026-03-02" reference="MANDATE 1"
 payer-name="A SHOPPER" reason-code="1"/>
<MessagingAdvice user-number="123456" record-type="A" effective-date="2026-03-02" reference="MANDATE 2"
 reason-code="B"/>
</MessagingAdvices></Data></BACSDocument>
"""

AUDDIS = """<?xml version="1.0" encoding="UTF-8"?>
<BACSDocument><Data><MessagingAdvices><MessagingHeader userNumber="123456"/>
<MessagingAdvice recordType="V" effectiveDate="2026-03-02" reference="MANDATE 3" reasonCode="5"/>
</MessagingAdvices></Data></BACSDocument>
"""

DDICA = """<?xml version="1.0" encoding="UTF-8"?>
<VocaDocument><Data><Document type="DDICAReport"><NewAdvices>
<DDICAdvice><SeqNo>1</SeqNo><PayingBankReference>BANK-1</PayingBankReference><SUReference>ATTEMPT 1</SUReference>
<PayerName>A SHOPPER</PayerName><ReasonCode>5</ReasonCode><TotalAmount>30.00</TotalAmount><DDCollections>
<DDCollection><DateOfDirectDebit>2026-02-02</DateOfDirectDebit><Amount>10.00</Amount></DDCollection>
<DDCollection><DateOfDirectDebit>2026-03-02</DateOfDirectDebit><Amount>20.00</Amount></DDCollection>
</DDCollections></DDICAdvice>
<TotalNumberOfNewDDICAdvices>1</TotalNumberOfNewDDICAdvices><TotalValueOfDebits>30.00</TotalValueOfDebits>
</NewAdvices></Document></Data></VocaDocument>
"""

GOCARDLESS_ITEMS = """{"payout_items": [
{"amount": "45.0", "type": "payment_paid_out", "links": {"payment": "PM1"}},
{"amount": "-20.0", "type": "payment_failed", "links": {"payment": "PM2"}},
{"amount": "-0.5", "type": "gocardless_fee", "links": {"payment": "PM1"}}],
"meta": {"cursors": {"before": null, "after": null}, "limit": 50}}
"""

GOCARDLESS_PAYMENTS = """{"payments": [
{"id": "PM1", "amount": 1000, "currency": "GBP", "status": "paid_out", "charge_date": "2026-03-02",
 "created_at": "2026-03-01T12:00:00.000Z", "links": {"creditor": "CR1"}},
{"id": "PM2", "amount": 500, "currency": "GBP", "status": "submitted", "charge_date": "2026-03-02",
 "created_at": "2026-03-01T12:00:00.000Z", "links": {"creditor": "CR1"}}]}
"""

GOCARDLESS_EVENTS = """{"events": [{"id": "EV1", "created_at": "2026-03-02T09:13:51.404Z", "resource_type": "mandates",
"action": "cancelled", "links": {"mandate": "MD1"}, "details": {"origin": "bank", "cause": "bank_account_closed",
"reason_code": "ADDACS-B"}}]}
"""

STRIPE = """{"object": "list", "data": [
{"object": "balance_transaction", "id": "txn_1", "amount": 1000, "fee": 30, "net": 970, "currency": "gbp",
 "status": "available", "created": 1772445600, "available_on": 1772532000, "type": "charge", "source": "ch_1",
 "fee_details": [{"amount": 30, "currency": "gbp"}]},
{"object": "balance_transaction", "id": "txn_2", "amount": -400, "fee": 0, "net": -400, "currency": "gbp",
 "status": "available", "created": 1772445600, "available_on": 1772532000, "type": "refund", "source": "re_1"},
{"object": "balance_transaction", "id": "txn_3", "amount": 700, "fee": 0, "net": 700, "currency": "jpy",
 "status": "pending", "created": 1772445600, "available_on": 1772532000, "type": "charge", "source": "ch_2"}]}
"""

SAMPLES = {
    "camt.053": a_camt(),
    "camt.054": a_camt(message="BkToCstmrDbtCdtNtfctn", part="Ntfctn", opening=None, closing=None),
    "pain.001": PAIN001,
    "pain.008": PAIN008,
    "pacs.008": PACS008,
    "pain.002": PAIN002,
    "pacs.002": PACS002,
    "mt940": MT940,
    "bai2": BAI2,
    "nacha": a_nacha(),
    "bacs.standard18": STANDARD18,
    "bacs.arudd": ARUDD.replace("ISO-8859-1", "UTF-8"),
    "bacs.advices": ADDACS,
    "bacs.ddica": DDICA,
    "gocardless": GOCARDLESS_ITEMS,
    "stripe": STRIPE,
}
