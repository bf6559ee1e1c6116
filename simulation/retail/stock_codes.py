"""The stock codes that are goods, from the file `stock_codes.toml`."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from terminal.fault import Fault

FILE = Path(__file__).with_name("stock_codes.toml")


class StockKind(StrEnum):
    """Whether a stock code stands for goods."""

    GOODS = "goods"
    NOT_GOODS = "not_goods"
    UNKNOWN = "unknown"


class StockCodesFault(Fault):
    """Raised for a faulty file of stock codes; names the file and the list."""

    def __init__(self, file: Path, field: str, reason: str) -> None:
        super().__init__(f"{file}: {field}: {reason}")


@dataclass(frozen=True, slots=True)
class StockCodes:
    """The two lists of patterns, each compiled to one pattern."""

    goods: re.Pattern[str]
    not_goods: re.Pattern[str]

    def kind(self, stock_code: str) -> StockKind:
        """What the code stands for; a code in both lists is not goods."""
        if self.not_goods.fullmatch(stock_code):
            return StockKind.NOT_GOODS
        return StockKind.GOODS if self.goods.fullmatch(stock_code) else StockKind.UNKNOWN


def load_stock_codes(file: Path = FILE) -> StockCodes:
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
