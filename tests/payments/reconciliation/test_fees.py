"""A provider's fee and reserve: booked as they were charged, once for a payout, and listed where agreed otherwise."""

from datetime import timedelta
from pathlib import Path

from ledger.account import Side
from payments.wiring import Adapters
from tests.payments.outside import reconciled
from tests.payments.plans import posted, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, settled, stated

FEE = "exp:provider_fee"

# Parts of a payout, the movement at our bank, what the provider's fee costs us, and the difference that is E8.
PAYOUTS: list[tuple[list[tuple[str, int]], int, int, str | None]] = [
    ([("capture", 122_00), ("fee", -1_90)], 120_10, 1_90, None),
    ([("capture", 122_00), ("fee", -1_91)], 120_09, 1_91, None),  # within what is tolerated
    ([("capture", 122_00), ("fee", -1_92)], 120_08, 1_92, "0.02 GBP"),
    ([("capture", 122_00), ("fee", -97_60)], 24_40, 97_60, "95.70 GBP"),
    ([("capture", 122_00)], 122_00, 0, "1.90 GBP"),
    ([("capture", 61_00), ("capture", 61_00), ("fee", -2_10)], 119_90, 2_10, None),
    ([("capture", 122_00), ("fee", -1_90), ("fee", 1_90)], 122_00, 0, "1.90 GBP"),  # given back
    ([("fee", 5_00)], 5_00, -5_00, "5.00 GBP"),
    ([("capture", 1_00), ("fee", -5_00)], -4_00, 5_00, "4.79 GBP"),  # above the capture: the provider debits us
    ([("chargeback", -30_50)], -30_50, 0, None),
    ([("chargeback", -30_50), ("fee", -15_00)], -45_50, 15_00, "15.00 GBP"),
    ([("chargeback_won", 30_50), ("fee", -1_50)], 29_00, 1_50, "1.50 GBP"),
    ([("refund", -10_00), ("capture", 4_00), ("fee", -25)], -6_25, 25, None),
]


def differences(ports: Adapters, name: str) -> dict[str, tuple[str, str]]:
    query = "SELECT expectation_id, amount_minor, reason FROM payments.breaks WHERE class = %s AND closed_on IS NULL"
    return {key: (minor, reason) for key, minor, reason in ports.database.execute(query, (name,))}


def test_every_payout_is_booked_as_it_was_charged_and_listed_when_that_was_not_agreed(
    database_url: str, tmp_path: Path
) -> None:
    with the_adapters(database_url) as ports:
        for number, (parts, cash, fee, _) in enumerate(PAYOUTS):
            files = [
                settled(tmp_path / f"p{number}.csv", *parts, payout=f"po-{number}"),
                stated(
                    tmp_path / f"b{number}.csv", (cash, f"po-{number}"), number=number + 1,
                    opening=sum(before for _, before, _, _ in PAYOUTS[:number]),
                ),
            ]  # fmt: skip
            bank, charged = posted(ports, "bank:main"), posted(ports, FEE)
            report = reconciled(ports, files[:: 1 if number % 2 else -1], DAY, loudly=False)

            assert (report.waiting, report.files_refused, report.banks_unequal) == (0, (), 0), parts
            assert posted(ports, "bank:main") - bank == cash, parts
            assert posted(ports, FEE) - charged == fee, parts
            assert posted(ports, "suspense:unapplied", Side.CREDIT) == posted(ports, "suspense:debits") == 0, parts
        found = differences(ports, "E8")
        assert ports.ledger.trial_balance().balanced

    expected = {
        f"{'payout' if cash > 0 else 'debit'}:po-{number}": differs
        for number, (_, cash, _, differs) in enumerate(PAYOUTS)
        if differs is not None
    }
    assert found.keys() == expected.keys()
    assert all(f": {expected[key]} too" in reason for key, (_, reason) in found.items())
    assert found["payout:po-3"][1] == (
        "payout po-3 was charged 97.60 GBP, agreed is 1.90 GBP by fees-1 of sandbox, card: 95.70 GBP too much"
    )


def test_a_reserve_is_kept_apart_and_listed_until_it_is_released(database_url: str, tmp_path: Path) -> None:
    clearing, reserve = "provider:sandbox:clearing", "provider:sandbox:reserve"
    settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -1_90), ("reserve", -12_20))
    stated(tmp_path / "b.csv", (107_90, "po-1"))
    back = settled(tmp_path / "back.csv", ("reserve", 12_20), payout="po-2")
    back.write_text(back.read_text().replace("case-1", "p/3", 1))
    stated(tmp_path / "b2.csv", (12_20, "po-2"), number=2, opening=107_90)
    with the_adapters(database_url) as ports:
        reconciled(ports, [tmp_path / "p.csv", tmp_path / "b.csv"], DAY)
        # The attempt of the file is unknown here, so its capture stays on the account; nothing else does.
        assert (posted(ports, reserve), posted(ports, clearing)) == (12_20, -122_00)
        assert posted(ports, "bank:main") == 107_90
        assert list(differences(ports, "E18")) == ["reserve:p/3"]
        assert reconciled(ports, [], DAY + timedelta(days=179)).breaks.get("E3") is None

        report = reconciled(ports, [back, tmp_path / "b2.csv"], DAY + timedelta(days=179), loudly=False)

        assert (report.waiting, report.breaks) == (0, {})
        assert (posted(ports, reserve), posted(ports, clearing)) == (0, -122_00)
        assert posted(ports, "bank:main") == 107_90 + 12_20
        assert differences(ports, "E18") == {}
        assert ports.ledger.trial_balance().balanced


def test_a_reserve_that_is_not_released_in_time_is_missing(database_url: str, tmp_path: Path) -> None:
    settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -1_90), ("reserve", -12_20))
    with the_adapters(database_url) as ports:
        reconciled(ports, [tmp_path / "p.csv"], DAY)
        reconciled(ports, [], DAY + timedelta(days=181))

        assert list(differences(ports, "E18")) == []
        assert "reserve:p/3" in differences(ports, "E3")
