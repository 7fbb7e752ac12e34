"""``interpolation``: between which runs' checkpoints the loss is followed along a straight line."""

from typing import Annotated

from pydantic import Field

from lethe.pipeline.config.keys import Name, Section, key

Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]


class Interpolation(Section):
    """Pairs of runs, and the number of places on the line between two."""

    pairs: list[Pair] = key(
        [],
        "pairs of runs whose last checkpoints are joined by a line: methods, `full`, oracles; a "
        "run named twice is joined to that of the next seed ([comparison.md](comparison.md))",
        "a new one: its `interpolation`; `table_barriers`, `table_method_claims`",
        "`[[npo, npo_signadam], [npo, npo]]`; may be empty",
    )
    points: int = key(
        11, "places on a line, including the ends", "`interpolation`, then tables", ge=3, le=1001
    )
