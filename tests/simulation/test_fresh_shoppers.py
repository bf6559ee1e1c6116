"""Shoppers of one day, whose bank accounts are known up to the day before."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.sources.canonical import Canonical
from simulation.fresh_shoppers import fresh_shoppers, write_source

DAY = date(2026, 12, 1)


def test_their_history_ends_the_day_before_they_shop_and_each_has_one_basket() -> None:
    buyers = fresh_shoppers(7, DAY, 12)

    assert {buyer.shopper.observed_to for buyer in buyers} == {DAY - timedelta(days=1)}
    assert all(DAY - timedelta(days=30) < buyer.transactions[-1].booked_on < DAY for buyer in buyers)
    assert [[basket.checkout_at.date() for basket in buyer.checkouts] for buyer in buyers] == [[DAY]] * 12


@pytest.mark.parametrize(
    ("seed", "day"), [(8, DAY), (7, DAY + timedelta(days=1)), (7, DAY - timedelta(days=1))], ids=str
)
def test_another_seed_or_day_brings_other_shoppers(seed: int, day: date) -> None:
    ids = {(b.shopper.shopper_id, b.checkouts[0].order_id) for b in fresh_shoppers(7, DAY, 9)}
    others = {(b.shopper.shopper_id, b.checkouts[0].order_id) for b in fresh_shoppers(seed, day, 9)}

    assert {part for pair in ids for part in pair} & {part for pair in others for part in pair} == set()
    assert fresh_shoppers(7, DAY, 9) == fresh_shoppers(7, DAY, 9)


def test_what_is_written_of_them_is_a_source_that_can_be_published(tmp_path: Path) -> None:
    buyers = fresh_shoppers(7, DAY, 3)

    reading = Canonical(write_source(buyers, tmp_path / "made")).read()

    assert (reading.rejects, reading.count) == ((), 6 + sum(len(buyer.transactions) for buyer in buyers))
    recorded = [datetime.fromisoformat(json.loads(event.body)["recorded_at"]) for event in reading.events]
    assert DAY - timedelta(days=3) <= max(recorded).date() <= DAY
