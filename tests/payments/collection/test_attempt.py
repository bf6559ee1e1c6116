import pytest

from payments.collection.attempt import LIVE, MOVES, UNRESOLVED, AttemptEvent, AttemptState, IllegalMove, after

ALLOWED = [
    ("planned", "guard_passed", "claimed"),
    ("planned", "withdrawn", "cancelled"),
    ("claimed", "request_written", "submitting"),
    ("claimed", "withdrawn", "cancelled"),
    ("submitting", "captured", "presumed_paid"),
    ("submitting", "refused", "rejected"),
    ("submitting", "no_answer", "unknown"),
    ("unknown", "captured", "presumed_paid"),
    ("unknown", "refused", "rejected"),
    ("unknown", "never_seen", "claimed"),
    ("presumed_paid", "cash_seen", "settled"),
    ("settled", "cash_unseen", "presumed_paid"),
    ("presumed_paid", "returned", "returned"),
    ("settled", "returned", "returned"),
    ("presumed_paid", "claim_opened", "disputed"),
    ("settled", "claim_opened", "disputed"),
    ("rejected", "captured", "presumed_paid"),
    ("disputed", "claim_won", "settled"),
    ("disputed", "claim_lost", "lost"),
]


@pytest.mark.parametrize(("state", "event", "to"), ALLOWED)
def test_an_attempt_moves_as_the_table_says(state: str, event: str, to: str) -> None:
    assert after("p-1/1#1", AttemptState(state), AttemptEvent(event)) is AttemptState(to)


@pytest.mark.parametrize("state", AttemptState)
@pytest.mark.parametrize("event", AttemptEvent)
def test_every_other_move_is_refused_with_its_name(state: AttemptState, event: AttemptEvent) -> None:
    if (state.value, event.value) in {(before, moved) for before, moved, _ in ALLOWED}:
        return
    with pytest.raises(IllegalMove, match=f"p-1/1#1 is {state}: {event}"):
        after("p-1/1#1", state, event)


def test_terminal_states_have_no_way_out() -> None:
    leaving = {state for state, _ in MOVES}

    assert set(AttemptState) - leaving == {
        AttemptState.RETURNED,
        AttemptState.LOST,
        AttemptState.CANCELLED,
    }


def test_an_attempt_without_a_final_answer_is_live() -> None:
    assert UNRESOLVED < LIVE
    assert {AttemptState.REJECTED, AttemptState.RETURNED, AttemptState.LOST, AttemptState.CANCELLED}.isdisjoint(LIVE)
