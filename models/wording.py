"""The reasons given to applicants, read from `wording.toml`."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from models.reasons import Wording
from terminal.lenders_own import lenders_own


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
    own = lenders_own("wording.toml", Path(str(files("models"))) / "wording.toml")
    book = tomllib.loads(own.read_text(encoding="utf-8"))
    reasons = tuple(Wording(own["code"], own["text"], tuple(own["features"])) for own in book["reason"])
    return WordingBook(book["version"], reasons)
