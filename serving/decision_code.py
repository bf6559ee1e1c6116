"""The modules of the code that decides, found by following imports, and their digest, which every record stores."""

import ast
from functools import cache

from lending.decision.alternatives import with_alternatives
from lending.decision.decide_review import decide_review
from lending.decision.decision import decide
from lending.decision.offer import make_offer
from lending.decision.record import decision_record
from lending.terms.policy_file import parse_policy
from serving.code_tree import code_digest, import_closure
from serving.scoring import score

PACKAGES = frozenset({"data_contracts", "features", "ledger", "lending", "models", "payments", "pipelines", "serving"})

# From a policy file and an order to the bytes of the answer.
_STEPS = (parse_policy, decide, with_alternatives, decide_review, make_offer, score, decision_record)


def decision_modules() -> dict[str, ast.Module]:
    """The modules that can affect an answer, by name: the steps and everything they import."""
    return import_closure((step.__module__ for step in _STEPS), PACKAGES)


@cache
def decision_code_digest() -> str:
    """The digest of the code that decides, so that replay can attribute a difference to a change of code."""
    return code_digest(decision_modules().values())
