"""Two runs at once write the files for the bank one after the other, so that neither writes over the other's."""

import threading
from collections.abc import Iterable
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from payments import payout_batches
from payments.files.payout_file import Payout, write_payouts
from payments.ids import PayoutId
from payments.payout_batches import BatchKind, write_batches
from tests.payments.outside import at
from tests.payments.plans import pounds, the_adapters
from tests.waiting import until

DAY = date(2026, 3, 10)
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_two_runs_at_once_write_a_file_one_after_the_other(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_adapters(database_url) as first, the_adapters(database_url) as second, the_adapters(database_url) as watch:
        with first.transaction():
            first.batches.order(BatchKind.PAYOUTS, [Payout(PayoutId("mp-1"), "m-1", pounds(5_00), DAY)])
        told: list[tuple[str, ...]] = []
        write = partial(write_batches, BatchKind.PAYOUTS, DAY, outbox=tmp_path, at=at(DAY))

        def beside() -> None:
            told.append(write(batches=second.batches, transaction=second.transaction))

        other = threading.Thread(target=beside)

        def written(path: Path, payouts: Iterable[Payout]) -> None:
            if not other.ident:
                other.start()
                until(lambda: not other.is_alive() or watch.database.execute(WAITING).fetchone() != (0,))
                assert told == [], "the other run waits"
            write_payouts(path, payouts)

        monkeypatch.setattr(payout_batches, "write_payouts", written)
        mine = write(batches=first.batches, transaction=first.transaction)
        other.join()

    assert (mine, told) == ((f"payouts-{DAY}-1.csv",), [()])
    assert [path.name for path in tmp_path.iterdir()] == [f"payouts-{DAY}-1.csv"]
