"""Plans in currencies without decimals and with three: decided, opened, collected, closed, and the books verified."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.account import Side
from ledger.books.postgres import PostgresLedger, connect
from ledger.money import Currency, Money
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.decision.decision import Approved
from lending.decision.record import Inputs, StoredDecision, decision_record
from lending.plan.plan import Plan
from lending.plan.when import When
from lending.servicing.close_of_business import close_of_business
from lending.servicing.postgres_close import PostgresBusinessDates
from lending.servicing.shopper_statement import plan_statements
from lending.terms.product import Product
from lending.terms.products import SHIPPED_PRODUCTS, load_products
from lending.terms.servicing_terms import ServicingTerms
from tests.lending.applicants import MODEL, NOON, an_order, decision_on, evidence, owing, the_policy
from tests.payments.acts import collect, open_plan
from tests.payments.plans import first_due, hold_offer, the_adapters

ZONES = '{ GBP = "Europe/London", EUR = "Europe/Brussels", CZK = "Europe/Prague", USD = "America/New_York" }'
CALENDARS = '{ GBP = "GB-ENG", EUR = "ECB", CZK = "CZ", USD = "US" }'


@pytest.fixture
def terms_of(tmp_path: Path) -> Callable[[Plan], ServicingTerms]:
    """The monthly product as a lender in London would offer it in yen and dinars."""
    text = (SHIPPED_PRODUCTS / "monthly-1.toml").read_text()
    for shipped, own in (
        ("{ GBP = 600, EUR = 700, CZK = 15_000, USD = 700 }", "{ JPY = 900, KWD = 1_500 }"),
        ("{ GBP = 1_800, EUR = 2_100, CZK = 45_000, USD = 2_100 }", "{ JPY = 2_700, KWD = 4_500 }"),
        ("{ GBP = 100, EUR = 100, CZK = 2_500, USD = 100 }", "{ JPY = 150, KWD = 250 }"),
        (ZONES, '{ JPY = "Europe/London", KWD = "Europe/London" }'),
        (CALENDARS, '{ JPY = "GB-ENG", KWD = "GB-ENG" }'),
    ):
        assert shipped in text
        text = text.replace(shipped, own)
    (tmp_path / "monthly-1.toml").write_text(text)
    offered = load_products(tmp_path)
    return lambda plan: offered.version(plan.terms_version).servicing.terms(plan.terms_version, plan.currency)


def decided(amount: Money) -> StoredDecision:
    """An approval by the British monthly policy, read in another currency."""
    currency, nothing = amount.currency, Money.zero(amount.currency)
    policy = replace(the_policy(Product.MONTHLY), currency=currency)
    order = an_order(amount, Product.MONTHLY, 3, order_id=f"o-{currency}", shopper_id=f"s-{currency}")
    exposure = owing(nothing, nothing, nothing)
    decision = decision_on(order, policy=policy, exposure=exposure)
    assert isinstance(decision, Approved), decision.reasons
    inputs = Inputs(
        order, NOON, evidence(), exposure, policy.policy_id, policy.version, policy.digest, MODEL, "c", None
    )
    return decision_record(inputs, decision, policy)


def test_a_plan_in_yen_and_one_in_dinars_go_from_decision_to_verified_books(
    database_url: str, terms_of: Callable[[Plan], ServicingTerms]
) -> None:
    """100.000 dinars at 9.90 % from 2 March are 33.890 on 2 April and 2 May and 33.889 on 2 June.

    100,000 yen are the same number of units.
    """
    yen, dinars = Money.parse("100000", Currency.JPY), Money.parse("100.000", Currency.KWD)
    with the_adapters(database_url) as of_pounds:
        ports = replace(of_pounds, terms=terms_of)
        plans = {}
        for amount in (yen, dinars):
            decision = decided(amount)
            hold_offer(ports, decision)
            with ports.transaction():
                plans[amount.currency] = open_plan(ports, decision, When.moment(NOON))
        due = first_due(plans[Currency.JPY])
        collected = collect(due, ports=ports, at=datetime.combine(due, NOON.time(), UTC))
        late = plans[Currency.JPY].instalments[1].due_on + timedelta(days=6)
        with ports.transaction():
            close_of_business(
                late,
                plans=ports.plans,
                dates=PostgresBusinessDates(ports.database),
                ledger=ports.ledger,
                terms=terms_of,
                at=datetime.combine(late, NOON.time(), UTC),
                commit=lambda: None,
            )
        shown = {
            currency: [(line.what, line.change.decimal) for line in statement.lines]
            for currency, plan in plans.items()
            for statement in plan_statements((plan,), PostgresLedger(ports.database), late)
        }
        clearing = {
            currency: str(ports.ledger.balance("provider:sandbox:clearing", currency).posted(Side.DEBIT))
            for currency in plans
        }
    with connect(database_url) as connection:
        verified = verify(PostgresAudit(connection))

    assert collected.captured_minor == {"JPY": 33_890, "KWD": 33_890}
    assert clearing == {"JPY": "33890 JPY", "KWD": "33.890 KWD"}
    assert verified.faults == ()
    assert ("Purchase captured", "100000") in shown[Currency.JPY]
    assert ("Purchase captured", "100.000") in shown[Currency.KWD]
    assert ("Late fee assessed", "900") in shown[Currency.JPY]
    assert ("Late fee assessed", "1.500") in shown[Currency.KWD]
