"""The plan events of a dispute."""

from lending.plan.event import Body, PlanEvent
from lending.plan.when import When
from payments.plan_events import event_of


def claimed(case_id: str, stage: str, plan_id: str, when: When, body: Body) -> PlanEvent:
    """The event of one stage of a claim on a payment: opened, won or lost."""
    return event_of(f"claim:{case_id}:{stage}", plan_id, case_id, when, body)
