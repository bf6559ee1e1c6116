"""Act: refuse a model or policy that was made for other features than this code computes."""

from collections.abc import Iterable

from features.catalog import MODEL_FEATURES, feature_set_digest
from lending.terms.policy import Policy
from models.artefact import Model
from terminal.fault import Fault


class UnfitForServing(Fault):
    """The model or a policy was made for other features than this code computes: it would decide on nonsense."""


def check_fit(model: Model, policies: Iterable[Policy]) -> None:
    """Refuse a model or policy that reads features which this code does not compute."""
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
