"""Every feature that the model may read has words for the person it speaks about."""

from features import catalog
from models import reasons, wording


def test_every_feature_of_the_catalogue_speaks_through_exactly_one_reason() -> None:
    reasons.check_wording(wording.read_wording().reasons, catalog.MODEL_FEATURES)


def test_no_reason_names_a_feature_that_does_not_exist() -> None:
    named = {name for own in wording.read_wording().reasons for name in own.features}
    assert named <= set(catalog.MODEL_FEATURES)


def test_codes_are_unique_and_texts_say_something() -> None:
    book = wording.read_wording()
    assert len({own.code for own in book.reasons}) == len(book.reasons)
    assert all(len(own.text) > 20 for own in book.reasons)


def test_a_model_over_some_features_carries_only_their_reasons() -> None:
    named = wording.read_wording().naming(("tenure_days",))
    assert [(own.code, own.features) for own in named] == [("M10", ("tenure_days",))]
