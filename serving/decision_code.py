"""The code that decides: its modules, found by following imports, and their digest, which every record keeps."""

import ast
from functools import cache

from lending.decision.decision import decide
from lending.decision.offer import make_offer
from lending.decision.record import record
from lending.terms.policy_file import parse
from serving.code_tree import code_digest, import_closure
from serving.scoring import score

PACKAGES = frozenset({"data_contracts", "features", "ledger", "lending", "models", "payments", "pipelines", "serving"})

# From a policy file and an order to the bytes of the answer.
_STEPS = (parse, decide, make_offer, score, record)


def decision_modules() -> dict[str, ast.Module]:
    """The modules whose code has a part in an answer, by name: those of the steps and all that these import."""
    return import_closure((step.__module__ for step in _STEPS), PACKAGES)


@cache
def decision_code_digest() -> str:
    """The identity of the code that decides: a record keeps it, so that a later difference can be laid at its door."""
    return code_digest(decision_modules().values())
