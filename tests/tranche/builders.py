"""Consistent made-up figures of a finished run, for tests of the summary and the report."""

from decimal import Decimal

from tranche.report.details import (
    AccountBalance,
    AccountFlow,
    BreakRow,
    CalibrationBin,
    CashMonth,
    Details,
    ModelLine,
    ReasonCount,
)
from tranche.report.retail_summary import Retail
from tranche.report.summary import (
    DecisionFigures,
    Events,
    Facts,
    Features,
    KindSeen,
    LedgerFigures,
    ModelFigures,
    OpenGroups,
    PlanFigures,
    Planted,
    Reconciliation,
    RoleSeen,
    Summary,
    Totals,
)


def a_summary() -> Summary:
    return Summary(
        source="seeded",
        seconds={"publish": 12.3, "ingest": 31.0, "train": 9.25},
        events=Events(0, 96_112, 96_112, 96_010, 42, 60, 0),
        features=Features(31, 3_300),
        model=ModelFigures(813, 253, 0.8123, 0.741, 0.8836, 0.51, 0.1043, 0.93, 0.7954),
        decisions=DecisionFigures(217, 131, 20, 16, 50, 0, 217, 217, 4.31, 9.87),
        plans=PlanFigures(140, 470),
        reconciliation=Reconciliation(610, 460, 120, 30, {"E3": 2, "E16": 7, "E19": 1}, 31),
        ledger=a_ledger(),
        facts=Facts(12_000, 12_000, 0, 0),
        database_roles={"serving": RoleSeen("tranche_serving", 11), "reader": RoleSeen("tranche_reader", 9)},
        planted={"duplicates": Planted(60, 60), "malformed": Planted(42, 42)},
        retail=a_retail(),
        plan_events={
            "extended": KindSeen(1, {"act": 1}, "p-d-1"),
            "paid": KindSeen(312, {"collection": 300, "payment": 12}, "p-d-2"),
        },
    )


def a_ledger() -> LedgerFigures:
    sides = {"GBP": Totals(98_765_432, 98_765_432)}
    return LedgerFigures(1_900, 3_210, sides, verified=True, open=OpenGroups(9, 9, 0))


def a_retail() -> Retail:
    return Retail(
        lines=11,
        invoices=5,
        cancellations=2,
        bad_debt=1,
        posted_purchases_minor=100_000,
        posted_refunds_minor=20_000,
        unposted_minor={"sale_without_customer": 5_000, "bad_debt": -1_000, "free_of_charge": 0},
        net_minor=84_000,
        rounding_minor=Decimal("-0.2"),
        files_minor=Decimal("84000.2"),
        lines_by_class={"purchase": 6, "refund": 2, "sale_without_customer": 1, "bad_debt": 1, "free_of_charge": 1},
        open_groups=0,
    )


def the_details() -> Details:
    return Details(
        title="Tranche: the seeded world, once through",
        currency="GBP",
        roc={
            "monotone boosting": ((0, 0), (0.05, 0.3), (0.2, 0.65), (0.5, 0.9), (1, 1)),
            "scorecard": ((0, 0), (0.1, 0.35), (0.3, 0.68), (0.6, 0.9), (1, 1)),
        },
        calibration=(
            CalibrationBin(0.03, 0.02, 50),
            CalibrationBin(0.08, 0.1, 50),
            CalibrationBin(0.2, 0.16, 50),
            CalibrationBin(0.45, 0.5, 50),
        ),
        models=(
            ModelLine("monotone boosting", 0.8123, 0.741, 0.8836, 0.51, 0.1043, 0.93),
            ModelLine("scorecard", 0.7954, 0.72, 0.87, 0.48, 0.11, 1.02),
        ),
        cash=(
            CashMonth("2026-01", 1_200_000, 1_150_000),
            CashMonth("2026-02", 2_400_000, 2_100_000),
            CashMonth("2026-03", 2_300_000, 1_990_000),
        ),
        balances=(
            AccountBalance("bank", "asset", "GBP", 60_000_000, 4_100_000),
            AccountBalance("provider:clearing", "asset", "GBP", 5_240_000, 5_000_000),
            AccountBalance("plan:principal", "asset", "GBP", 7_300_000, 5_300_000),
            AccountBalance("merchant:payable", "liability", "GBP", 6_000_000, 6_900_000),
            AccountBalance("merchant:in_transit", "liability", "GBP", 6_000_000, 6_000_000),
            AccountBalance("plan:deferred_discount", "liability", "GBP", 250_000, 365_000),
            AccountBalance("suspense:unapplied", "liability", "GBP", 0, 10_000),
            AccountBalance("equity:capital", "equity", "GBP", 0, 50_000_000),
            AccountBalance("inc:discount", "income", "GBP", 0, 250_000),
            AccountBalance("exp:provider_fee", "expense", "GBP", 61_000, 0),
        ),
        flows=(
            AccountFlow("bank", "equity:capital", "GBP", 50_000_000, 1, ("F49",)),
            AccountFlow("plan:principal", "merchant:payable", "GBP", 6_900_000, 140, ("F02",)),
            AccountFlow("plan:principal", "plan:deferred_discount", "GBP", 365_000, 140, ("F02",)),
            AccountFlow("provider:clearing", "plan:principal", "GBP", 5_240_000, 460, ("F03", "F12b")),
            AccountFlow("bank", "provider:clearing", "GBP", 4_939_000, 80, ("F12c", "F35a")),
            AccountFlow("exp:provider_fee", "provider:clearing", "GBP", 61_000, 80, ("F35a",)),
            AccountFlow("merchant:payable", "merchant:in_transit", "GBP", 6_000_000, 20, ("F07a",)),
            AccountFlow("merchant:in_transit", "bank", "GBP", 6_000_000, 20, ("F07b",)),
            AccountFlow("plan:deferred_discount", "inc:discount", "GBP", 250_000, 460, ("F05",)),
            AccountFlow("bank", "suspense:unapplied", "GBP", 10_000, 1, ("F36a",)),
        ),
        breaks=(
            BreakRow("E16", "reversed or returned", 7, 6, 82_300, "GBP", 61, ("p-d12/2",), open_minor=70_000),
            BreakRow("E19", "wrong account or entity", 1, 1, 45_000, "GBP", 58, open_minor=45_000),
        ),
        reasons=(ReasonCount("R12", "spends more than the account earns", 41),),
        facts=(("Model", "monotone boosting, version 1"),),
        notes=("A made-up run.",),
        financed_minor=6_900_000,
        collected_minor=5_240_000,
    )
