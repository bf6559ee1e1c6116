"""The reasons given to applicants, read from `wording.toml`."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from models.reasons import Wording


@dataclass(frozen=True, slots=True)
class WordingBook:
    """All reasons of one version."""

    version: str
    reasons: tuple[Wording, ...]

    def naming(self, feature_names: tuple[str, ...]) -> tuple[Wording, ...]:
        """The reasons that a model with these features can give, each limited to those features."""
        cut = (
            Wording(own.code, own.text, tuple(name for name in own.features if name in feature_names))
            for own in self.reasons
        )
        return tuple(own for own in cut if own.features)


def read_wording() -> WordingBook:
    """The wording for newly exported models."""
    book = tomllib.loads(files("models").joinpath("wording.toml").read_text(encoding="utf-8"))
    reasons = tuple(Wording(own["code"], own["text"], tuple(own["features"])) for own in book["reason"])
    return WordingBook(book["version"], reasons)
