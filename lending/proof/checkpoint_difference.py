"""Whether the stored checkpoint of a plan is the fold of its first events."""

from collections.abc import Mapping

from lending.plan.checkpoint import Checkpoint, checkpoint_of, rules_of
from lending.plan.fold import fold_to_checkpoint
from lending.plan.plan import Plan
from lending.plan.run_data import RunReader, data_of
from lending.servicing.log import PlanHistory, StoredCheckpoint
from lending.terms.servicing_terms import ServicingTerms


def checkpoint_difference(history: PlanHistory, terms: ServicingTerms, stored: StoredCheckpoint) -> str | None:
    """What is wrong with a checkpoint; `history` has all events. One of other rules is void: it is never read."""
    if stored.rules != rules_of(terms):
        return None
    try:
        kept = checkpoint_of(stored.rules, stored.count, stored.text)
        made = fold_to_checkpoint(history.plan, history.events[: kept.count], terms, start=None, spare=0)
        if made is None or made.count != kept.count:
            return f"covers {kept.count} of {len(history.events)} events"
        wrong = _differing(kept, made, history.plan, terms)
    # a changed text can fail in any way when it is read
    except Exception as error:  # noqa: BLE001
        return f"cannot be read: {type(error).__name__}: {error}"
    if stored.stands_at != made.log_end:
        wrong.append("position")
    return f"its first {kept.count} events make it otherwise: {', '.join(wrong)}" if wrong else None


def _differing(kept: Checkpoint, made: Checkpoint, plan: Plan, terms: ServicingTerms) -> list[str]:
    """The names of what differs. Both runs are written anew, so that equal ones have equal objects."""
    wrong = [name for name in ("log_end", "last", "mentioned", "known") if getattr(kept, name) != getattr(made, name)]
    (one, objects), (other, made_objects) = (_written_anew(each, plan, terms) for each in (kept, made))
    attributes = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    if not attributes and objects != made_objects:
        attributes = ["objects"]
    return wrong + attributes


def _written_anew(
    checkpoint: Checkpoint, plan: Plan, terms: ServicingTerms
) -> tuple[Mapping[str, object], list[object]]:
    run = RunReader(checkpoint.run).run(plan, terms, None)
    list(run.payments.values())  # what is read only on demand is read
    list(run.stretches)
    data = data_of(run, None)
    return data.attributes, data.objects
