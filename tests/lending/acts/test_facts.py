"""What an act tells the rest of the platform: facts that obey their contracts, and refunds that are paid out."""

import json
from pathlib import Path

import pytest

from data_contracts.catalog import event_contracts
from data_contracts.quarantine import violations_of
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal
from ledger.outbox.postgres_outbox import LOGS, relaying
from lending.acts.act import ACTS, ArgumentForm
from lending.acts.log import act_id_of
from lending.acts.perform import ActDone, ActProposed
from payments.provider.simulated import SimulatedProvider
from tests.lending.acts.cases import CASES, PLAN
from tests.lending.acts.counter import BOB, Connection, asked_of, counter_over, noon
from tests.lending.servicing.servicing import a_payment, day
from tests.payments.acts import pay_refunds
from tests.payments.plans import the_adapters

LONGEST = Principal("a" * 40, "owner", noon(0))
NEW_IDS = {"fee_id", "case_id"}


@pytest.mark.parametrize("act", ACTS)
def test_facts_of_an_act_obey_their_contracts_under_the_longest_ids(
    connection: Connection, database_url: str, act: str
) -> None:
    counter, case = counter_over(connection), CASES[act]
    PostgresPrincipals(connection).add(LONGEST, None)
    case.before(counter)
    longest = {
        each.name: "c" * 100
        for each in ACTS[act].arguments
        if each.form is ArgumentForm.ID and each.name in NEW_IDS and act in ("charge-fee", "dispute")
    }
    asked = asked_of(case.plan, act, {**case.tree, **longest}, key="k" * 60)

    answer = counter.perform(asked, LONGEST)
    if isinstance(answer, ActProposed):
        done = counter.approve(answer.proposal.proposal_id, BOB)
        assert isinstance(done, ActDone)
    else:
        assert isinstance(answer, ActDone)
    connection.commit()

    contracts = event_contracts()
    told = []
    for log in LOGS:
        with relaying(database_url) as logs:
            told += logs.read(log, after=0, through=logs.horizon(log).position, limit=1_000_000)
    for fact in told:
        assert violations_of(contracts[fact.event_type], json.loads(fact.body)) == (), fact
    causes = [json.loads(fact.body)["cause"] for fact in told if fact.event_type == "plan_event.v1"]
    assert act_id_of(LONGEST.principal_id, "k" * 60) in causes


@pytest.mark.parametrize(("act", "paid"), [("refund", "90.00"), ("refund-credit", "100.00")])
def test_what_an_act_gives_back_is_paid_to_the_shopper(
    connection: Connection, database_url: str, tmp_path: Path, act: str, paid: str
) -> None:
    counter = counter_over(connection)
    counter.desk.open(PLAN)
    counter.desk.take(a_payment(PLAN, "x-1", day(1), paid))
    counter.do(asked_of(PLAN, act, {"amount_minor": 10_00}))
    connection.commit()

    with the_adapters(database_url, SimulatedProvider()) as ports:
        report = pay_refunds(day(6), ports=ports, outbox=tmp_path, at=noon(6))

    assert (report.owed, report.paid, report.paid_minor) == (1, 1, {"GBP": 10_00})
    kinds = [event.kind for event in counter.desk.plans.histories([PLAN.plan_id])[PLAN.plan_id].events]
    assert kinds[-1] == "refund_paid"
