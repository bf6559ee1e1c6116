from datetime import date

from lending.plan.when import When


def test_something_known_only_by_its_day_counts_from_its_start() -> None:
    when = When.day(date(1996, 2, 12))

    assert (when.value_date, when.occurred_at.isoformat()) == (date(1996, 2, 12), "1996-02-12T00:00:00+00:00")
