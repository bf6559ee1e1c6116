"""What became of the plans that decisions led to, from their standing in PostgreSQL."""

from collections.abc import Mapping
from datetime import date, timedelta

from ledger.money import Currency, Money
from serving.policy.backtest import Realised
from serving.postgres import Connection

# In default: an instalment is open so many days after its due. Its whole open principal is at stake then.
_STANDING = """
SELECT p.decision_id, p.currency, bool_or(i.open_principal_minor > 0 AND i.due_on < %(late)s),
       sum(i.open_principal_minor)
  FROM lending.plans p JOIN lending.instalment_standing i USING (plan_id)
 WHERE p.decision_id IS NOT NULL
 GROUP BY p.decision_id, p.currency
"""


def realised_until(connection: Connection, day: date, *, default_days: int) -> Mapping[str, Realised]:
    """By decision, whether its plan is in default on a day, and the principal that is open then."""
    found = {}
    for decision_id, code, in_default, open_minor in connection.execute(
        _STANDING, {"late": day - timedelta(days=default_days)}
    ):
        currency = Currency(code)
        lost = Money(int(open_minor) if in_default else 0, currency)
        found[decision_id] = Realised(bool(in_default), lost)
    return found
