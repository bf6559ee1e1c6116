"""Parts of amounts in whole units: in proportion, and shares that sum to the whole."""


def proportion_of(amount: int, part: int, whole: int) -> int:
    """`amount * part / whole`, rounded to the nearest unit, halves up; 0 if `whole` is 0.

    >>> proportion_of(100, 1, 3), proportion_of(5, 1, 2), proportion_of(-5, 1, 2), proportion_of(7, 0, 0)
    (33, 3, -2, 0)
    """
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


def shared(amount: int, weights: list[int]) -> list[int]:
    """Split an amount in proportion to the weights, by largest remainder; on a tie the earlier part gets the odd unit.

    >>> shared(100, [1, 1, 1]), shared(7, [0, 5, 5]), shared(3, [])
    ([34, 33, 33], [0, 4, 3], [])
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % whole))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts
