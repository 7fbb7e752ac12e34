"""The part of a forget set that an attack may use; a metric tests the rest."""

import random

from lethe.common.errors import LetheError


def drawn(attack: str, rows: list, share: float, seed: int) -> list[int]:
    """The indices of a share of the different rows, at least one and not all, drawn by the seed.

    Equal rows are all drawn or all left. LetheError, which names the attack, if there is nothing to
    divide.
    """
    places: dict = {}
    for place, row in enumerate(rows):
        places.setdefault(row, []).append(place)
    if len(places) < 2:
        raise LetheError(
            f"attack '{attack}': the forget set has one row, which cannot be divided; "
            "take a split with more"
        )
    count = min(max(1, round(share * len(places))), len(places) - 1)
    chosen = random.Random(f"{attack}/part/{seed}").sample(list(places.values()), count)
    return sorted(place for some in chosen for place in some)
