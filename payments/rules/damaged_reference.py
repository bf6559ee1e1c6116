"""References that a bank or a person damaged on the way: other case, separators, letters read as digits, or cut short.

`payments/schema/functions/normal_reference.sql` and `alike.sql` say the same.
"""

import re

SHORTEST = 8
"""Characters that a reference which was cut short, or has text behind it, must still have."""
_NOT_KEPT = re.compile(r"[^A-Za-z0-9]")
_READ_AS = str.maketrans("OI", "01")
_BETWEEN = re.compile(r"[ ,;+&]+")


def normal_reference(text: str) -> str:
    """A reference without case, separators and what is confused in reading: O with 0, I with 1.

    >>> normal_reference("po-2026/I0 gbp"), normal_reference("PO 2O26 10GBP")
    ('P0202610GBP', 'P0202610GBP')
    """
    return _NOT_KEPT.sub("", text).upper().translate(_READ_AS)


def alike(told: str, known: str) -> bool:
    """Whether a damaged reference may be the known one: equal when normal, or one begins with the other.

    >>> alike("PO 2026-O3-10", "po-2026-03-10-GBP"), alike("po-2026", "po-2026-03-10-GBP"), alike("p0-1", "PO 1")
    (True, False, True)
    """
    one, other = normal_reference(told), normal_reference(known)
    if one == other:
        return one != ""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SHORTEST and longer.startswith(shorter)


def words_of(detail: str) -> list[str]:
    """The words of a bank's text, any of which may be a reference of a payout.

    >>> words_of("po-1, po-2+po-3 SANDBOX")
    ['po-1', 'po-2', 'po-3', 'SANDBOX']
    """
    return [word for word in _BETWEEN.split(detail) if word]


def names_an_id(detail: str) -> bool:
    """Whether a text may hold an id at all: ids have digits."""
    return any(character in "0123456789" for character in detail)
