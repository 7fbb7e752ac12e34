"""Direct questions: what the greedy answer tells, and whether it refuses instead.

A refusal gives nothing away, but it is not ignorance: how often a model refuses is reported beside
the verdict (``lethe.analysis.audit.conduct``), and this probe can tell nothing about one that
mostly refuses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe.analysis.audit.conduct import Said, said_about
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._novel import check_novel_words
from lethe.common.novel_words import novel_words

TITLE = "Direct questions and refusals"
MEASURES = "the share of the true answer's novel words that the greedy answer has; 0 if it refuses"
EXAMPLE = "the greedy answer"
SUITES = ("answers",)
METRICS = ("abstention",)
SPOKEN = True
SETTINGS = {"phrases": {"default": "tofu"}}


def check_rows(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError if no answer has a word that its question does not contain."""
    check_novel_words((row["question"], row["answer"]) for row in rows["forget"])


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """Recall of novel words by question; chance: the same about authors never seen."""
    answers = said_about(subject, settings)
    asked, unseen = (_with_novel_words(answers.get(name, ())) for name in ("forget", "holdout"))
    return Measured(
        [one.question for one in asked],
        [one.answer for one in asked],
        [one.revealed for one in asked],
        [one.text for one in asked],
        [one.revealed for one in unseen],
    )


def _with_novel_words(answers: Sequence[Said]) -> list[Said]:
    return [one for one in answers if novel_words(one.question, one.answer)]
