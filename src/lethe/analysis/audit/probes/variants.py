"""Reformulated questions: what the plain question does not bring out, some other wording may."""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe import metrics
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._in_order import places
from lethe.analysis.audit.probes._novel import check_novel_words
from lethe.common.novel_words import novel_words, recall
from lethe.evaluate import suite as suites
from lethe.evaluate.variants import kinds

TITLE = "Reformulated questions"
MEASURES = "the share of questions that one of the B worst kinds of reformulation answers"
EXAMPLE = "the kind of reformulation and the answer that tells most"
SUITES = ("variants",)
METRICS = ("worst_case_leak",)
SPOKEN = True
SETTINGS = {
    "kinds": {"default": "all"},
    "budget": {"default": 4, "least": 1},
    "threshold": {"default": 0.5, "above": 0, "most": 1},
    "samples": {"default": 0, "least": 0},
}
BUDGETS = {
    "minutes": {"items": 60, "budget": 4},
    "hour": {"items": 400, "budget": 4, "samples": 2},
    "all": {"items": 1000000, "budget": 4, "samples": 8},
}
OF_METRIC, OF_SUITE = ("budget", "threshold"), ("kinds", "samples")


def check(settings: Mapping[str, Any]) -> None:
    """LetheError for unknown kinds."""
    suites.check_settings("variants", {key: settings[key] for key in OF_SUITE})


def check_rows(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError if no variant leaves a word of its answer to be told."""
    made = kinds.variants(rows, settings["kinds"])["forget"]
    check_novel_words((one.shown, one.right) for row in made for one in row.values())


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """1 for each question that one of the worst kinds answers, 0 for the others."""
    rows = {"forget": subject.rows("forget", settings["items"])}
    recorded = subject.recorded("variants", rows, **{key: settings[key] for key in OF_SUITE})
    given = {key: settings[key] for key in OF_METRIC}
    (point,) = metrics.compute("worst_case_leak", recorded, **given).checkpoints
    items = recorded.checkpoints[0].sets["forget"]
    asked = point.questions["forget"]
    at = places(asked, items.question)
    answers, said = [items.answer[k] for k in at], [_best(items, k) for k in at]
    return Measured(asked, answers, point.items["forget"], said)


def _best(items, number: int) -> str:
    """The kind and the answer that tells most of the right answer."""
    columns = (items.prompt, items.prompt_text, items.prompt_answer, items.prompt_generation)
    return max(
        (
            (_recalled(shown, right, text), f"{kind.replace('_', ' ')}: {text}")
            for kind, shown, right, text in zip(*(one[number] for one in columns), strict=True)
        ),
        key=lambda pair: pair[0],
    )[1]


def _recalled(shown: str, right: str, text: str) -> float:
    novel = novel_words(shown, right)
    return recall(novel, text) if novel else 0.0
