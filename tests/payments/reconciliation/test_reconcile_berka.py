"""The real repayments of 328 loans against their plans."""

from datetime import date
from pathlib import Path

import pytest

from ledger.account import Side
from ledger.money import Currency
from lending.servicing.import_plans import import_plans
from lending.terms.products import imported_product
from payments.reconciliation.postgres_standing import PostgresStanding
from tests.payments.acts import reconcile
from tests.payments.berka_files import table, write_loans, write_repayments
from tests.payments.plans import NOON, connect, posted, the_adapters


@pytest.mark.slow
def test_every_real_repayment_is_matched_or_listed(berka: Path, tmp_path: Path, database_url: str) -> None:
    loans, repayments = tmp_path / "loans.csv", tmp_path / "repayments.csv"
    assert write_loans(berka, loans) == 328
    assert write_repayments(berka, repayments) == 3_561
    with the_adapters(database_url) as ports, connect(database_url) as connection:
        with ports.transaction():
            imported = import_plans(loans, plans=ports.plans, ledger=ports.ledger, product=imported_product())
        assert imported.opened == 328

        report = reconcile([repayments], ports=ports, at=NOON)

        assert (report.lines, report.matched_by_id, report.matched_by_rule, report.unmatched) == (3_561, 0, 3_558, 3)
        assert report.breaks == {"E4": 2, "E7": 1}
        account_of = {loan["loan_id"]: loan["account_id"] for loan in table(berka, "loan*.asc.gz")}
        loan_of_808 = next(loan_id for loan_id, account_id in account_of.items() if account_id == "808")
        reasons = sorted((each.break_class, each.reason) for each in report.listed)
        for loan_id in ("6729", "6888"):
            said = f"nothing is open for account {account_of[loan_id]} in the month of"
            assert any(broken == "E4" and reason.startswith(said) for broken, reason in reasons)
        assert reasons[-1][1].startswith(f"4500.00 CZK against 4492.00 CZK of due:berka-{loan_of_808}/")
        assert report.as_of == date(1996, 12, 12), "every line is of the 12th of a month"
        suspense = posted(ports, "suspense:unapplied", Side.CREDIT, Currency.CZK)
        unmatched = [each.amount for each in report.listed]
        assert f"{suspense // 100}.{suspense % 100:02d}" == _sum(unmatched)
        assert ports.ledger.trial_balance().balanced

        again = reconcile([repayments], ports=ports, at=NOON)
        assert (again.files_taken, again.lines, again.breaks) == ((), 0, {})
        assert posted(ports, "suspense:unapplied", Side.CREDIT, Currency.CZK) == suspense
        standing = PostgresStanding(connection, "sandbox").standing(report.as_of)
        assert standing.lines == standing.matched_by_rule + standing.unmatched == 3_561
        assert standing.open_expectations == report.open_expectations > 0


def _sum(amounts: list[str | None]) -> str:
    minor = sum(int(str(amount).split()[0].replace(".", "")) for amount in amounts)
    return f"{minor // 100}.{minor % 100:02d}"
