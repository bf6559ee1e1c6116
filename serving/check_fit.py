"""Act: refuse a model or policy that uses other features than this code computes."""

from collections.abc import Iterable

from features.catalog import MODEL_FEATURES, feature_set_digest
from lending.terms.policy import Consequence, Policy
from lending.terms.review_terms import ReviewTermsFiles
from models.artefact import Model
from terminal.fault import Fault


class UnfitForServing(Fault):
    """Raised when the model or a policy uses other features than this code computes."""


def check_fit(model: Model, policies: Iterable[Policy], reviews: ReviewTermsFiles) -> None:
    """Raise UnfitForServing when the model or a policy uses other features than this code computes.

    Also for a policy that may refer an order where nothing says how a person reviews it.
    """
    if model.feature_set_digest != feature_set_digest():
        raise UnfitForServing(
            f"model {model.name} ({model.digest[:12]}) was trained on feature set {model.feature_set_digest[:12]}, "
            f"this code computes {feature_set_digest()[:12]}: train and promote a model on the present features"
        )
    known = set(MODEL_FEATURES)
    for policy in policies:
        unknown = sorted(policy.features_read - known)
        if unknown:
            raise UnfitForServing(f"policy {policy.policy_id} {policy.version} reads unknown features: {unknown}")
        if _refers(policy) and not reviews.has(policy.jurisdiction, policy.valid_from):
            raise UnfitForServing(
                f"policy {policy.policy_id} {policy.version} refers orders to a person, and nothing says how they are "
                f"reviewed in {policy.jurisdiction} from {policy.valid_from} on"
            )


def _refers(policy: Policy) -> bool:
    missing = (rule.missing.consequence for rule in policy.rules if rule.missing is not None)
    return Consequence.REFERRED in {*missing, *(rule.consequence for rule in policy.rules)}
