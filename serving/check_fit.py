"""Act: refuse a model or policy that uses other features than this code computes."""

from collections.abc import Iterable

from features.catalog import MODEL_FEATURES, feature_set_digest
from lending.terms.policy import Policy
from models.artefact import Model
from terminal.fault import Fault


class UnfitForServing(Fault):
    """Raised when the model or a policy uses other features than this code computes."""


def check_fit(model: Model, policies: Iterable[Policy]) -> None:
    """Raise UnfitForServing when the model or a policy uses other features than this code computes."""
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
