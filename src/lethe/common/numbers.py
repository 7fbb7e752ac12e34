"""Numbers from files and command lines: whether they are finite, and what a text means."""

import math
import re

PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def finite(value: float) -> bool:
    """Whether a number is finite also as a float, which a whole number of 400 digits is not."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def plain_number(text: str) -> int | float | None:
    """The number that a text writes plainly; None for 010 or 1_0, which can be read in two ways.

    None also for more digits than Python converts.
    """
    if not PLAIN.fullmatch(text):
        return None
    try:
        return float(text) if set(text) & set(".eE") else int(text)
    except ValueError:
        return None
