"""Act: charge off the plans that have been past due for as long as the rules say, at the close of a business date.

Each is an act like one of a person: its principal is close of business, its reason names the rule, and its key makes it
happen once for a plan. A plan that a person puts back on the books is therefore not charged off by the rule again.
"""

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from ledger.identity.principal import Principal
from lending.acts.log import AskedAct
from lending.acts.perform import ActDone, ActPorts, ActProposed, ActRefused, NotAllowed, perform
from lending.terms.product import Product
from lending.terms.products import product_of
from terminal.fault import Fault
from terminal.lenders_own import lenders_own

CLOSE_OF_BUSINESS = "close-of-business"
"""The principal of what close of business decides; its role in the authority file has the same name."""


class RulesFault(Fault):
    """Raised for a file of rules that cannot be read."""


@dataclass(frozen=True, slots=True)
class ClosingRules:
    """What close of business decides, and from how many days past due on."""

    version: str
    charge_off_days_past_due: int
    by_product: Mapping[Product, int] = field(default_factory=dict)

    @property
    def fewest_days(self) -> int:
        """The number of days past due from which any plan can be charged off."""
        return min((self.charge_off_days_past_due, *self.by_product.values()))

    def days_of(self, product: Product) -> int:
        """From how many days past due on a plan of this product is charged off."""
        return self.by_product.get(product, self.charge_off_days_past_due)


@dataclass(frozen=True, slots=True)
class PastDuePlan:
    """An open plan, how many days it is past due, and the version of its product's terms."""

    plan_id: str
    days_past_due: int
    terms_version: str


class PastDuePlans(Protocol):
    """Finds plans that are past due."""

    def past_due(self, days: int) -> Sequence[PastDuePlan]:
        """Open plans that are at least that many days past due, and that the rule has not charged off, by their ids."""


@dataclass(frozen=True, slots=True)
class ChargedOffByRule:
    """The answer for one plan; `act_id` is None when nothing was done, for the reason in `detail`."""

    plan_id: str
    days_past_due: int
    act_id: str | None
    detail: str = ""


def charge_off_by_rule(
    business_date: date,
    *,
    rules: ClosingRules,
    found: PastDuePlans,
    ports: ActPorts,
    at: datetime,
    commit: Callable[[], None],
) -> tuple[ChargedOffByRule, ...]:
    """Charge off every plan that the rule reaches, committing after each. Idempotent."""
    by = Principal(CLOSE_OF_BUSINESS, CLOSE_OF_BUSINESS, at)
    answers = []
    for plan in found.past_due(rules.fewest_days):
        product = product_of(plan.terms_version)
        if plan.days_past_due < rules.days_of(product):
            continue
        limit = f"{rules.version} charges off {product} from {rules.days_of(product)} on"
        reason = f"{plan.days_past_due} days past due on {business_date}; {limit}"
        asked = AskedAct(plan.plan_id, "charge-off", {}, reason, key_of_rule(plan.plan_id))
        answers.append(_answer(plan, perform(asked, by, ports)))
        commit()
    return tuple(answers)


def key_of_rule(plan_id: str) -> str:
    """The key under which the rule charges a plan off, once."""
    return f"charge-off-{hashlib.sha256(plan_id.encode()).hexdigest()[:24]}"


def _answer(plan: PastDuePlan, answer: ActDone | ActProposed | ActRefused | NotAllowed) -> ChargedOffByRule:
    match answer:
        case ActDone(act, _):
            return ChargedOffByRule(plan.plan_id, plan.days_past_due, act.act_id)
        case ActProposed(proposal, _):
            detail = f"{proposal.proposal_id} waits for a person: {'; '.join(proposal.because)}"
        case ActRefused(reasons):
            detail = "; ".join(each.detail for each in reasons)
        case NotAllowed(_, detail):
            pass
    return ChargedOffByRule(plan.plan_id, plan.days_past_due, None, detail)


@cache
def closing_rules() -> ClosingRules:
    """The lender's rules, or those of this package."""
    own = lenders_own("closing-rules.toml", Path(str(files("lending"))) / "acts" / "rules-2.toml")
    return read_closing_rules(own.read_text(encoding="utf-8"))


def read_closing_rules(text: str) -> ClosingRules:
    r"""Read a file of rules; raises RulesFault naming what is wrong.

    >>> read_closing_rules('version = "r"\n[charge_off]\ndays_past_due = 90')
    ClosingRules(version='r', charge_off_days_past_due=90, by_product={})
    """
    tree = tomllib.loads(text)
    for trouble in _troubles(tree):
        raise RulesFault(f"rules of close of business: {trouble}")
    charge_off = tree["charge_off"]
    by_product = {Product(name): days for name, days in charge_off.get("by_product", {}).items()}
    return ClosingRules(tree["version"], charge_off["days_past_due"], by_product)


def _troubles(tree: dict[str, object]) -> Iterator[str]:
    if tree.keys() != {"version", "charge_off"}:
        yield f"expected version and charge_off, found {', '.join(sorted(tree))}"
        return
    charge_off = tree["charge_off"]
    if not isinstance(charge_off, dict) or charge_off.keys() - {"days_past_due", "by_product"}:
        yield f"charge_off is {charge_off!r}; it has days_past_due, and may have by_product"
        return
    by_product = charge_off.get("by_product", {})
    if not isinstance(by_product, dict):
        yield f"charge_off.by_product is {by_product!r}, not days by product"
        return
    yield from (f"charge_off.by_product.{name} is no product" for name in by_product if name not in {*Product})
    limits = {f"by_product.{product}": days for product, days in by_product.items()}
    for name, days in ({"days_past_due": charge_off.get("days_past_due")} | limits).items():
        if type(days) is not int or days <= 0:
            yield f"charge_off.{name} is {days!r}, not a number of days"
