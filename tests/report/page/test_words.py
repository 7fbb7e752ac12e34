"""What the page says in words, from numbers written here by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lethe.report.figures.base import Course
from lethe.report.page import words
from lethe.report.page.data import Run, settings_words


class Numbers:
    """Stands in for FigureData: log10 p and utility of each method, epoch by epoch."""

    def __init__(self, lacks=(), **methods):
        self.methods, self._numbers, self._lacks = tuple(methods), methods, lacks
        self._full = SimpleNamespace(p=-20.0, utility=0.8)

    def mean(self, run, metric, name):
        pairs = np.array(self._numbers[run], dtype=float)
        epochs = np.arange(1, len(pairs) + 1)
        return Course(epochs, epochs, pairs[:, 0 if metric == "forget_quality" else 1])

    def measured(self, metric):
        return metric not in self._lacks

    def last(self, run, metric, name):
        assert run == "full"
        return np.array([self._full.p if metric == "forget_quality" else self._full.utility])


def test_a_method_that_passes_and_one_that_went_past():
    data = Numbers(npo=[(-9, 0.7), (-0.5, 0.6)], grad_ascent=[(-1, 0.4), (-12, 0.2)])
    assert words.what_it_shows(data) == [
        "Before unlearning, the test tells the full model from the oracle (p = 1e-20).",
        "At the last epoch, 1 of 2 methods cannot be told from the oracle (p ≥ 0.05); the most "
        "useful of them is NPO at epoch 2 (p = 0.32, 75% of the full model's utility).",
        "Grad. Ascent was there earlier and went past it: an epoch more is not always better. The "
        "most useful such checkpoint is Grad. Ascent at epoch 1 (p = 0.1, 50% of the full model's "
        "utility).",
        "Utility at the end is between 0.200 (Grad. Ascent) and 0.600 (NPO); the full model has "
        "0.800.",
    ]


def test_none_passes():
    said = words.what_it_shows(Numbers(npo=[(-9, 0.72)], idk=[(-19, 0.5)]))
    assert said[1] == (
        "At the last epoch, none of 2 methods reaches p ≥ 0.05; the closest is NPO at epoch 1 "
        "(p = 1e-9, 90% of the full model's utility)."
    )
    assert len(said) == 3


def test_one_method_alone_and_none():
    assert words.what_it_shows(Numbers(npo=[(-9, 0.7)]))[-1] == (
        "It ends with 0.700 of utility; the full model has 0.800."
    )
    assert "nothing to compare" in words.what_it_shows(None)[0]


@pytest.mark.parametrize(
    ("lacks", "names"),
    [
        (["model_utility"], "Without model utility among"),
        (["forget_quality", "model_utility"], "Without forget quality and model utility among"),
    ],
)
def test_methods_are_compared_by_both_metrics_or_not_at_all(lacks, names):
    (said,) = words.what_it_shows(Numbers(lacks, npo=[(-9, 0.7)]))
    assert said.startswith(names)


def test_the_first_sentence_is_the_configurations():
    run = Run("w", ["tiny"], ["forget05", "forget10"], ["npo"], [0, 1, 2])
    assert words.what_was_run(run, {"forget05": 60, "forget10": 120}, 5) == (
        "In the world w, tiny learned all authors, then 1 method (NPO) unlearned forget05 (60 "
        "questions) and forget10 (120 questions) over 5 epochs, compared with an oracle that never "
        "saw them; 3 seeds, no further oracles."
    )


def test_the_first_sentence_says_nothing_that_is_not_known():
    """Splits whose answers are not read have no count; without methods nothing was unlearned."""
    run = Run("w", ["tiny"], ["forget05", "forget10"], ["npo"], [0])
    said = words.what_was_run(run, {"forget05": 1}, 5)
    assert "unlearned forget05 (1 question) and forget10 over 5 epochs" in said
    assert words.what_was_run(replace(run, methods=[]), {}, 0) == (
        "In the world w, tiny learned all authors, and an oracle all but those of forget05 and "
        "forget10; 1 seed, no further oracles."
    )


@pytest.mark.parametrize(
    ("log10_p", "text"),
    [
        (-0.4089, "0.39"),
        (-26.2725, "5.3e-27"),
        (-20.0, "1e-20"),
        (-8.00001, "1e-8"),
        (-400, "1e-400"),
    ],
)
def test_small_p_values_are_those_of_the_tables(log10_p, text):
    assert words.p_words(log10_p) == f"p = {text}"


@pytest.mark.parametrize(
    ("names", "text"),
    [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (list("abcd"), "a, b and 2 more")],
)
def test_names_are_joined(names, text):
    assert words.joined(names, 2 if len(names) > 2 else 20) == text


def test_settings_in_words():
    said = {"lr": 1e-3, "optimiser": {"name": "signadam"}, "prior": None}
    assert settings_words(said) == "lr 0.001, optimiser (name signadam)"
    assert settings_words({}) == "as it is"
