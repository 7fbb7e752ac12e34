"""EDU-RELAT's facts: a short greedy answer to each (wrh14/deep_unlearning).

Its questions have no wrong answers: a fact is known if the answer is in what the model writes
within ``tokens`` tokens, 10 in the benchmark. The target is recorded with its minimal sets, of
places in ``relationships``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.evaluate.suites import answers
from lethe.model.encoder import Encoder

SETS = {"target": "target", "relationships": "relationships", "biographies": "biographies"}
COLUMNS = ("generation",)
SETTINGS = {"tokens": {"default": 10, "least": 1}}
PROBE = True
# A minimal set is one of places among all relationships.
WHOLE = True
MINIMAL = "minimal_sets"


@dataclass(frozen=True)
class Prepared:
    """The questions, and how many tokens of each answer count."""

    asked: answers.Prepared
    tokens: int


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError if the target does not come with its minimal sets."""
    for row, place in zip(rows["target"], places("target", rows["target"]), strict=True):
        text_of(row, MINIMAL, place)


def prepare(
    encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]
) -> Prepared:
    """Tokenise every question; LetheError names an answer that is longer than what is written."""
    tokens = settings["tokens"]
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            count = len(encoder.tokenizer(row["answer"], add_special_tokens=False).input_ids)
            if count > tokens:
                raise LetheError(
                    f"{place}: the answer has {count} tokens, and a model writes {tokens}; raise "
                    "suite_settings.edu_relat.tokens"
                )
    return Prepared(answers.prepare(encoder, rows), tokens)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model, and the minimal sets of the target."""
    short = replace(limits, max_new_tokens=prepared.tokens)
    recorded = answers.record(model, prepared.asked, short)
    return {
        name: replace(items, minimal_set=_sets(prepared.asked.rows[name]))
        if name == "target"
        else items
        for name, items in recorded.items()
    }


def _sets(rows: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Each row's sets as texts, places with spaces between them."""
    return [[" ".join(map(str, some)) for some in json.loads(row[MINIMAL])] for row in rows]
