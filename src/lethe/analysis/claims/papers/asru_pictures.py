"""ASRU across text and pictures, which it is claimed for."""

from lethe.analysis.claims.papers.base import CLOSE, not_built
from lethe.analysis.claims.verdict import Criterion

PAPER = "ASRU, 2605.15687"
SUBJECT = "pictures"
NEEDS = "ASRU on rows with pictures: its rewards compare questions as texts, so it is refused there"

CLAIMS = (
    not_built("stage 1 makes a model refuse questions by picture: refusals raised by", Criterion(),
              NEEDS),
    not_built("stage 2 raises refusals by picture, and accuracy on retain questions of the same "
              "kind, against stage 1", Criterion(), NEEDS),
    not_built("a random direction of the same length does not", Criterion("=", 0.0, CLOSE), NEEDS),
)  # fmt: skip
