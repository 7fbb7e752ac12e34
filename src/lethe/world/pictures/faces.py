"""What people in pictures look like: attributes that are drawn by name and differ between people.

A face is a function of the world's seed and the person's name. Where two people would get the same
face, the later one in the world's order gets the next that is free.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from math import prod
from random import Random

from lethe.common.errors import LetheError

# Colours as red, green, blue. Backgrounds are pale or dark, so that they are neither skin nor hair.
COLOURS = {
    "skin": {
        "pale": (252, 226, 208),
        "tan": (226, 176, 132),
        "olive": (190, 150, 96),
        "brown": (148, 94, 58),
        "dark": (86, 54, 38),
    },
    "hair": {
        "black": (24, 22, 26),
        "chestnut": (104, 52, 24),
        "blond": (240, 204, 84),
        "red": (206, 70, 28),
        "white": (244, 244, 246),
        "blue": (36, 74, 200),
        "pink": (240, 96, 170),
        "green": (28, 140, 62),
    },
    "eyes": {
        "brown": (92, 48, 16),
        "blue": (32, 108, 232),
        "green": (24, 150, 60),
        "violet": (150, 52, 210),
    },
    "background": {
        "white": (250, 250, 250),
        "grey": (128, 134, 142),
        "navy": (22, 32, 84),
        "teal": (22, 150, 156),
        "lilac": (196, 170, 240),
        "lemon": (250, 244, 150),
        "maroon": (112, 16, 40),
        "mint": (160, 236, 190),
    },
}
VALUES = {
    "skin": tuple(COLOURS["skin"]),
    "hair": tuple(COLOURS["hair"]),
    "hairstyle": ("short", "long", "curly", "bun", "mohawk"),
    "eyes": tuple(COLOURS["eyes"]),
    "glasses": ("none", "round", "square"),
    "shape": ("round", "oval", "square"),
    "background": tuple(COLOURS["background"]),
}
TUPLES = prod(map(len, VALUES.values()))


@dataclass(frozen=True)
class Face:
    """One person's attributes, each among ``VALUES``."""

    skin: str
    hair: str
    hairstyle: str
    eyes: str
    glasses: str
    shape: str
    background: str

    def described(self) -> dict[str, str]:
        """The attributes by name."""
        return asdict(self)


def face(number: int) -> Face:
    """The face with a number, 0 to ``TUPLES`` - 1; different numbers give different faces."""
    chosen = {}
    for field in reversed(fields(Face)):
        number, place = divmod(number, len(VALUES[field.name]))
        chosen[field.name] = VALUES[field.name][place]
    return Face(**chosen)


def faces(seed: int, names: Sequence[str]) -> list[Face]:
    """A face for each name, no two of them alike; LetheError if there are too many names.

    The faces of the first names do not depend on those that follow.
    """
    if len(names) > TUPLES:
        raise LetheError(
            f"pictures: {len(names)} people, but only {TUPLES} different faces; take fewer"
        )
    # In the order in which they are given out.
    numbers: dict[int, None] = {}
    for name in names:
        number = Random(f"{seed}/face/{name}").randrange(TUPLES)
        while number in numbers:
            number = (number + 1) % TUPLES
        numbers[number] = None
    return [face(number) for number in numbers]
