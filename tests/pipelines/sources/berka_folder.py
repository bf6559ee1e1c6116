"""Writes small folders in the original Berka format: made-up rows, the real layout."""

from __future__ import annotations

import gzip
from pathlib import Path

HEADERS = {
    "account": "account_id;district_id;frequency;date",
    "client": "client_id;birth_number;district_id",
    "disp": "disp_id;client_id;account_id;type",
    "district": ";".join(f"A{number}" for number in range(1, 17)),
    "order": "order_id;account_id;bank_to;account_to;amount;k_symbol",
    "card": "card_id;disp_id;type;issued",
    "loan": "loan_id;account_id;date;amount;duration;payments;status",
    "trans": "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account",
}

ROWS = {
    "account": ['1;18;"POPLATEK MESICNE";950324', '2;1;"POPLATEK TYDNE";950326'],
    "client": ['11;"706213";18', '12;"450204";1', '13;"406009";1'],
    "disp": ['1;11;1;"OWNER"', '2;12;2;"OWNER"', '3;13;2;"DISPONENT"'],
    "district": ['1;"Somewhere";"north";1204953;0;0;0;1;1;100.0;12541;0.29;0.43;167;85677;99107'],
    "order": ['21;1;"YZ";"87144583";2452.00;"SIPO"', '22;2;"ST";"89597016";3372.70;"UVER"'],
    "card": ['31;1;"classic";931107 00:00:00'],
    "loan": ['41;2;960105;80952;24;3373.00;"A"'],
    "trans": [
        '101;1;950324;"PRIJEM";"VKLAD";1000.00;1000.00;"";;',
        '102;2;950326;"PRIJEM";"PREVOD Z UCTU";3401.50;3401.50;"DUCHOD";"IJ";"6149286"',
        '103;1;950401;"VYBER";"VYBER";1500.00;-500.00;" ";;',
        '104;1;950430;"VYDAJ";"VYBER";14.60;-514.60;"SANKC. UROK";"";"0"',
        '105;2;960212;"VYDAJ";"PREVOD NA UCET";3372.70;28.80;"UVER";"ST";"89597016"',
    ],
}


def a_berka_folder(folder: Path, **rows: list[str]) -> Path:
    """All eight tables in the folder; `rows` replaces those of a table."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, header in HEADERS.items():
        write_table(folder / f"{table}.asc", table, rows.get(table, ROWS[table]), header=header)
    return folder


def write_table(path: Path, table: str, rows: list[str], *, header: str | None = None, quote: bool = True) -> Path:
    """One file of a table, with CRLF and a quoted header as the originals have it; gzipped when it is called .gz."""
    names = (header or HEADERS[table]).split(";")
    first = ";".join(f'"{name}"' for name in names) if quote and table != "district" else ";".join(names)
    data = "".join(f"{line}\r\n" for line in [first, *rows]).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path
