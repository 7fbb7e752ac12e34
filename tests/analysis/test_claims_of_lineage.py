"""Claims about generations of models: right numbers from scores and states."""

import pandas as pd
import pytest

from lethe.analysis.claims.papers import ai_fopt
from lethe.analysis.claims.runs import Runs
from lethe.analysis.scores import COLUMNS
from lethe.common.errors import LetheError
from lethe.report.tables.states import COLUMNS as STATES

WORDS, FACTS = "surface.ngram_overlap", "surface.fact_recall"
OWN = {"full": {"probability.forget": 0.8, WORDS: 0.5, FACTS: 0.9}}
LATER = {
    "full": {"probability.forget": 0.6, WORDS: 0.1, FACTS: 0.45},
    "retain": {"probability.forget": 0.3},
    "npo": {"probability.forget": 0.32},
    "grad_diff": {"probability.forget": 0.2},
}


def rows(values: dict, columns: list[str], **place) -> pd.DataFrame:
    fixed = {"model": "tiny", "split": "forget10", "seed": 0, "epoch": 0, "step": 0, **place}
    made = [
        {
            **fixed,
            "run": run,
            "metric": key.split(".")[0],
            "name": key.split(".")[1],
            "value": value,
        }
        for run, numbers in values.items()
        for key, value in numbers.items()
    ]
    return pd.DataFrame(made)[columns]


@pytest.fixture
def generations() -> Runs:
    states = rows(LATER, STATES, state="generation3")
    return Runs(rows(OWN, COLUMNS), states, ("tiny", "forget10"), 0)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        # Words: 0.5 to 0.1 loses 0.8; probability: 0.8 to 0.6 a quarter; facts: a half.
        ("fade faster than knowledge", 0.8 - 0.25),
        ("faster than facts", 0.8 - 0.5),
        ("handed down", 0.6 - 0.3),
        ("(NPO)", 0.02),
        ("gradient difference", -0.1),
    ],
)
def test_claims_compare_the_third_generation_with_the_first_model(words, value, generations):
    (claim,) = [claim for claim in ai_fopt.CLAIMS if words in claim.text]
    assert claim.measure(generations) == pytest.approx(value)


def test_a_generation_that_was_not_made_is_named(generations):
    with pytest.raises(LetheError, match=r"no state generation4 of full, surface.fact_recall"):
        generations.in_state("full", "generation4", "surface", "fact_recall")
