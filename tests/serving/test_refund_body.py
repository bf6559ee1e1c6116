"""The body of a refund is read strictly: what is no whole number of minor units is never made into one."""

import json

import pytest
from pydantic import ValidationError

from serving.plan_routes.refunds import RefundBody

NOT_WHOLE = ["true", '"100"', '"1_00"', '"+100"', '" 100 "', "1e2", "100.0", "0", "-1", "null"]


@pytest.mark.parametrize("amount", NOT_WHOLE)
def test_only_a_whole_number_is_an_amount_to_refund(amount: str) -> None:
    with pytest.raises(ValidationError, match="amount_minor"):
        RefundBody.model_validate(json.loads(f'{{"amount_minor": {amount}, "currency": "GBP"}}'))


def test_a_whole_number_in_a_known_currency_is_taken() -> None:
    assert RefundBody.model_validate({"amount_minor": 100, "currency": "GBP"}).amount_minor == 100
