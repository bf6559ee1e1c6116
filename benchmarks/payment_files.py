"""How long a large bank statement takes to read, in processor time, and how much memory it adds.

Run from the checkout: `python -m benchmarks.payment_files [ENTRIES]`. It writes a camt.053 of its own.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import payments.files.world.camt
from benchmarks.budgets import keep, print_beside
from payments.files.world.read_payment_file import read_payment_file, summarise

ENTRIES = 100_000
CEILINGS = {"camt.cpu_seconds": 10.0, "camt.memory_mib": 64.0}
MAX_BYTES = 2 * 1024**3

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId></GrpHdr>
<Stmt><Id>S-1</Id><Acct><Id><IBAN>GB33BUKB20201555555555</IBAN></Id><Ccy>GBP</Ccy></Acct>
"""
_BALANCE = """<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="GBP">{pounds}.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>
"""
_ENTRY = """<Ntry><NtryRef>{n}</NtryRef><Amt Ccy="GBP">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-02</Dt></ValDt><AcctSvcrRef>B-{n}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>E-{n}</EndToEndId></Refs><Amt Ccy="GBP">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<RltdPties><Dbtr><Pty><Nm>Shopper {n}</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>Instalment {n}</Ustrd></RmtInf>
</TxDtls></NtryDtls></Ntry>
"""


def main() -> None:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else ENTRIES
    with tempfile.TemporaryDirectory() as folder:
        path = _statement(Path(folder) / "statement.xml", entries)
        assert payments.files.world.camt, "the parser is loaded before memory is measured"
        memory, begun = _peak_mib(), time.process_time()
        summary = summarise(*read_payment_file(path, MAX_BYTES))
        seconds, memory = time.process_time() - begun, _peak_mib() - memory
        size = path.stat().st_size
    assert (summary.entries, summary.breaks) == (entries, ())
    camt = {"entries": entries, "bytes": size, "cpu_seconds": round(seconds, 2), "memory_mib": round(memory, 1)}
    figures = {"camt": camt}
    print(f"{entries:,} entries, {size:,} bytes")
    print_beside(figures, floors={}, ceilings=CEILINGS)
    keep(figures, "payment_files")


def _statement(path: Path, entries: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write(
            _HEAD + _BALANCE.format(kind="OPBD", pounds=5) + _BALANCE.format(kind="CLBD", pounds=5 + 10 * entries)
        )
        for number in range(entries):
            file.write(_ENTRY.format(n=number))
        file.write("</Stmt></BkToCstmrStmt></Document>\n")
    return path


def _peak_mib() -> float:
    """The largest memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
