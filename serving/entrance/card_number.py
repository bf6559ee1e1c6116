"""Card numbers in a text: 13 to 19 digits with the prefix of an issuer and a right check digit.

Who stores card numbers takes the duties of PCI DSS on, and the platform has no need of them. A request that holds one
is refused before anything of it is stored or logged.
"""

import re
from collections.abc import Iterator

# Issuers' prefixes by ISO/IEC 7812: Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro.
_PREFIX = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6(?:011|5|4[4-9]|2)|3(?:0[0-5]|[689])|35(?:2[89]|[3-8])"
    r"|5018|5020|5038|5[6-8]|6304|67"
)
_RUN = re.compile(r"(?<![0-9])[0-9]+(?:[ -][0-9]+)*(?![0-9])")
_RUN_ALONE = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?:[ -][0-9]+)*(?![0-9A-Za-z])")
_LENGTHS = range(13, 20)


def card_number_in(text: str) -> bool:
    """Whether a text holds a card number, whole or in groups of digits with spaces or hyphens between.

    >>> card_number_in("paid with 4111 1111 1111 1111, thanks"), card_number_in("order 4111111111111112")
    (True, False)
    """
    return _any_card(_RUN.findall(text))


def card_number_in_id(text: str) -> bool:
    """Whether an id or an address holds a card number that no letter touches: digests in ids have long runs of digits.

    >>> card_number_in_id("o-4111111111111111"), card_number_in_id("d-ab4111111111111111cd")
    (True, False)
    """
    return _any_card(_RUN_ALONE.findall(text))


def _any_card(runs: list[str]) -> bool:
    return any(_is_card(digits) for run in runs for digits in _joined(re.split("[ -]", run)))


def _joined(groups: list[str]) -> Iterator[str]:
    """Neighbouring groups as one number, wherever that has as many digits as a card number."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) in _LENGTHS:
                yield digits
            elif len(digits) >= _LENGTHS.stop:
                break


def _is_card(digits: str) -> bool:
    return _PREFIX.match(digits) is not None and _luhn(digits)


def _luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
