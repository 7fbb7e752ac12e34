"""Made-up audits: answers by hand, and the document that follows from them."""

from typing import Any

from lethe.analysis.audit.answers import Answers
from lethe.analysis.audit.conduct import Conduct
from lethe.analysis.audit.document import document
from lethe.analysis.audit.judged import judged
from lethe.analysis.audit.measured import Measured

QUESTIONS = [f"Who wrote book {number}?" for number in range(30)]


def answers(
    probes: dict[str, int],
    refused: int = 0,
    text: str = "says",
    files: dict[str, str] | None = None,
) -> Answers:
    """By probe how many of the questions are answered rightly; so many are refused."""
    measured = {
        name: Measured(
            QUESTIONS,
            [f"Author {number} wrote it." for number in range(len(QUESTIONS))],
            [float(number < right) for number in range(len(QUESTIONS))],
            [f"{text} {number}" for number in range(len(QUESTIONS))],
        )
        for name, right in probes.items()
    }
    refusals = [float(number < refused) for number in range(len(QUESTIONS))]
    nothing = [0.0] * len(QUESTIONS)
    conduct = Conduct(
        {"forget": refusals, "retain": nothing}, {"forget": nothing, "retain": [0.9] * 5}
    )
    settings = {name: {"items": 30} for name in probes}
    return Answers(measured, settings, {"depth": "why not"}, conduct, files or {}, {})


def made_document(
    own: dict[str, int], refused: int = 0, text: str = "own says", oracle: bool = True
) -> dict[str, Any]:
    """The document of a checkpoint, of a full model that knows 29 and an oracle that knows 2."""
    compared = answers(dict.fromkeys(own, 2), text="oracle says") if oracle else None
    full = answers(dict.fromkeys(own, 29), text="full says")
    about = {"checkpoint": "npo", "data": "folder", "template": {"name": "chat"}}
    return document(judged(answers(own, refused, text), full, compared), about)
