"""Damaged files go through the whole of reconciliation: each is refused and listed, and a good one is taken."""

from pathlib import Path

from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.provider_settlement import COLUMNS as SETTLEMENT
from tests.payments.files.test_outside_values import MOVEMENT, NO_VALUES, PAID_OUT, WON, written
from tests.payments.files.world.test_damaged_files import BROKEN_TOTALS, REFUSED
from tests.payments.outside import reconciled
from tests.payments.plans import posted, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, stated


def our_own() -> dict[str, bytes]:
    """Damaged files of the two forms of our own: with each value that nothing could keep, and cut or changed."""
    found = {}
    for number, (columns, value) in enumerate(NO_VALUES):
        for names, rows_ in ((STATEMENT, [MOVEMENT]), (SETTLEMENT, [WON, PAID_OUT])):
            for column in set(columns) & set(names):
                name = f"{names[1]} {column} {number}"
                found[name] = written(names, {**rows_[0], column: value}, *rows_[1:], total=700 * len(rows_))
    good = written(STATEMENT, MOVEMENT)
    lines = good.splitlines(keepends=True)
    return found | {
        "cut in a row": good[: len(lines[0]) + 20],
        "without a control row": b"".join(lines[:-1]),
        "another total": good.replace(b"#control,1,700", b"#control,1,701"),
        "another number": good.replace(b"#control,1,700", b"#control,2,700"),
        "a row lost": lines[0] + lines[-1],
        "a row twice": b"".join([lines[0], lines[1], lines[1], lines[2]]),
        "another header": good.replace(b"balance_minor", b"balance"),
        "another balance": written(STATEMENT, MOVEMENT, {**MOVEMENT, "line_id": "y-2", "balance_minor": "1399"}),
        "a text behind": good + b"and more\n",
    }


def test_no_damaged_file_is_taken_and_the_good_one_beside_them_is(database_url: str, tmp_path: Path) -> None:
    damaged = our_own() | {name: make() for name, make in (REFUSED | BROKEN_TOTALS).items()}
    for number, content in enumerate(damaged.values()):
        (tmp_path / f"{number:03}.csv").write_bytes(content)
    good = stated(tmp_path / "zzz.csv", (25_00, "A SHOPPER 1"))
    with the_adapters(database_url) as ports:
        report = reconciled(ports, sorted(tmp_path.iterdir()), DAY, loudly=False)

        taken = [name for number, name in enumerate(damaged) if f"{number:03}.csv" in report.files_taken]
        assert taken == []
        assert len(report.files_refused) == len(damaged) >= 31
        assert report.files_taken == (good.name,)
        assert (report.lines, posted(ports, "bank:main")) == (1, 25_00)
        kinds = "('E22', 'E23', 'E26')"
        listed = rows(ports, f"SELECT count(*) FROM payments.breaks WHERE class IN {kinds} AND closed_on IS NULL")
        assert listed[0][0] == len(set(damaged.values()))
        assert ports.ledger.trial_balance().balanced
