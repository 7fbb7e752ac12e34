"""Sampled answers: what a greedy answer hides may come out in one of many (leak@k)."""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe import metrics
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._novel import check_novel_words, has_novel_words
from lethe.common.novel_words import novel_words, recall
from lethe.evaluate import suite as suites

TITLE = "Sampled answers"
MEASURES = "leak@k: the probability that one of k sampled answers tells the true one"
EXAMPLE = "the sampled answer that tells most"
SUITES = ("sampled",)
METRICS = ("leak",)
SPOKEN = True
SETTINGS = {
    "samples": {"default": 16, "least": 1},
    "k": {"default": 4, "least": 1},
    "temperature": {"default": 1.0, "above": 0},
    "top_p": {"default": 1.0, "above": 0, "most": 1},
    "threshold": {"default": 0.5, "above": 0, "most": 1},
    "nli": {"default": None, "path": True},
    "judge": {"default": None, "path": True},
}
BUDGETS = {
    "minutes": {"items": 80, "samples": 16, "k": 4},
    "hour": {"items": 400, "samples": 64, "k": 16},
    "all": {"items": 1000000, "samples": 200, "k": 64},
}
OF_METRIC = ("k", "threshold")


def check(settings: Mapping[str, Any]) -> None:
    """LetheError for k above the number of samples, and for an NLI that is not a classifier."""
    suites.check_settings("sampled", _of_suite(settings))
    chosen = suites.settings_of("sampled", _of_suite(settings))
    metrics.check_against_suite("leak", _of_metric(settings), chosen)


def check_rows(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError if no answer has a word that its question does not contain."""
    check_novel_words((row["question"], row["answer"]) for row in rows["forget"])


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """leak@k of each forgotten question; chance: the same about authors never seen."""
    of_forget = _leaks(subject, "forget", settings)
    sampled = subject.records("sampled", _rows(subject, "forget", settings), **_of_suite(settings))
    items = sampled.sets["forget"]
    rows = zip(items.question, items.answer, items.sample, strict=True)
    counted = [(q, a, _best(q, a, texts)) for q, a, texts in rows if novel_words(q, a)]
    questions, answers, said = map(list, zip(*counted, strict=True))
    unseen = [] if subject.compared else _rows(subject, "holdout", settings)["forget"]
    tells = has_novel_words((row["question"], row["answer"]) for row in unseen)
    chance = _leaks(subject, "holdout", settings) if tells else []
    return Measured(questions, answers, of_forget, said, chance)


def _leaks(subject, name: str, settings: Mapping[str, Any]) -> list[float]:
    recorded = subject.recorded("sampled", _rows(subject, name, settings), **_of_suite(settings))
    file = metrics.compute("leak", recorded, **_of_metric(settings))
    return file.checkpoints[0].items["forget"]


def _rows(subject, name: str, settings: Mapping[str, Any]) -> dict[str, list[dict]]:
    """Rows under the suite's only name for them."""
    return {"forget": subject.rows(name, settings["items"])}


def _best(question: str, answer: str, texts: list[str]) -> str:
    novel = novel_words(question, answer)
    return max(texts, key=lambda text: recall(novel, text))


def _of_metric(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in OF_METRIC}


def _of_suite(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in settings if key not in (*OF_METRIC, "items")}
