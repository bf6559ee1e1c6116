"""Which stock codes are goods, as the file `stock_codes.toml` says."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from terminal.fault import Fault

FILE = Path(__file__).with_name("stock_codes.toml")


class Kind(StrEnum):
    """What a stock code stands for."""

    GOODS = "goods"
    NOT_GOODS = "not_goods"
    UNKNOWN = "unknown"


class StockCodesFault(Fault):
    """The file of stock codes does not say what it must; names the file and the list."""

    def __init__(self, file: Path, field: str, reason: str) -> None:
        super().__init__(f"{file}: {field}: {reason}")


@dataclass(frozen=True, slots=True)
class StockCodes:
    """The two lists of patterns, each as one pattern."""

    goods: re.Pattern[str]
    not_goods: re.Pattern[str]

    def kind(self, stock_code: str) -> Kind:
        """What the code stands for; a code that both lists have is no goods."""
        if self.not_goods.fullmatch(stock_code):
            return Kind.NOT_GOODS
        return Kind.GOODS if self.goods.fullmatch(stock_code) else Kind.UNKNOWN


def load(file: Path = FILE) -> StockCodes:
    """Read the file; raises StockCodesFault."""
    try:
        lists = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StockCodesFault(file, "(file)", str(error)) from error
    return StockCodes(_pattern(file, lists, "goods"), _pattern(file, lists, "not_goods"))


def _pattern(file: Path, lists: dict[str, object], field: str) -> re.Pattern[str]:
    patterns = lists.get(field)
    if not isinstance(patterns, list) or not patterns or not all(isinstance(each, str) for each in patterns):
        raise StockCodesFault(file, field, "missing, or not a list of patterns")
    try:
        return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE | re.ASCII)
    except re.error as error:
        raise StockCodesFault(file, field, str(error)) from error
