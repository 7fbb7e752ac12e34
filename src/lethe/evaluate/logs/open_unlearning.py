"""The log of OpenUnlearning's evaluation: ``TOFU_EVAL.json`` (locuslab/open-unlearning).

A JSON object of metrics by name, each with ``value_by_index``. It holds the losses, answers and
generations of the four sets but no token counts; questions are extracted from rendered prompts.
"""

import re
from typing import Any

from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, item_set

PREFIXES = {
    "forget": "forget",
    "retain": "retain",
    "real_authors": "ra",
    "world_facts": "wf",
}
PARAPHRASED = ("forget", "retain")
TEXTS = "Q_A_ROUGE"
# Our column; their metric and the field of an item in it.
LOSSES = {
    "answer_loss": "Q_A_Prob",
    "paraphrase_loss": "Q_A_PARA_Prob",
    "perturbed_loss": "Q_A_PERT_Prob",
}
# A chat prompt decoded without its special tokens; any other prompt is taken as the question.
PROMPT = re.compile(r"^.*?user\n\n(.*?)(?:assistant\s*)?$", re.DOTALL)
REMEDY = "run its TOFU evaluation again or name another log"


def is_open_unlearning(document: Any) -> bool:
    """Whether a JSON document looks like a TOFU_EVAL.json: it has at least one of its metrics."""
    return isinstance(document, dict) and any(key.endswith(f"_{TEXTS}") for key in document)


def open_unlearning_records(document: dict, path: str) -> Records:
    """Records of one checkpoint, without token counts. LetheError names what is missing."""
    wanted = [f"{PREFIXES[name]}_{metric}" for name in PREFIXES for metric in _metrics(name)]
    missing = [metric for metric in wanted if metric not in document]
    if missing:
        count = f"{len(missing)} of the {len(wanted)} metrics that hold items are missing"
        raise LetheError(f"{path}: {count} ({', '.join(missing)}); {REMEDY}")
    sets = {name: _items(document, name, path) for name in PREFIXES}
    return Records("tofu", [Checkpoint(0, 0, sets)], path)


def _metrics(name: str) -> list[str]:
    losses = [m for ours, m in LOSSES.items() if ours != "paraphrase_loss" or name in PARAPHRASED]
    return [TEXTS, *losses]


def _items(document: dict, name: str, path: str) -> ItemSet:
    prefix, where = PREFIXES[name], f"{path}: set '{name}'"
    texts = _by_index(document, f"{prefix}_{TEXTS}", where)
    columns = {
        "question": [_question(item.get("input")) for item in texts.values()],
        "answer": [item.get("ground_truth") for item in texts.values()],
        "generation": [item.get("generation") for item in texts.values()],
    }
    for ours, metric in LOSSES.items():
        if metric not in _metrics(name):
            continue
        items = _by_index(document, f"{prefix}_{metric}", where)
        differing = len(items.keys() ^ texts.keys())
        if differing:
            why = f"its items and those of '{prefix}_{TEXTS}' differ in {differing}"
            raise LetheError(f"{where}, metric '{prefix}_{metric}': {why}; {REMEDY}")
        columns[ours] = [items[key].get("avg_loss") for key in texts]
    return item_set(columns, where, REMEDY, ("generation", "answer_loss", "perturbed_loss"))


def _by_index(document: dict, metric: str, where: str) -> dict[str, dict]:
    entry = document[metric]
    items = entry.get("value_by_index") if isinstance(entry, dict) else None
    if not isinstance(items, dict) or not items:
        raise LetheError(f"{where}, metric '{metric}': no 'value_by_index'; {REMEDY}")
    broken = sum(not isinstance(item, dict) for item in items.values())
    if broken:
        why = f"{broken} of {len(items)} items hold no values"
        raise LetheError(f"{where}, metric '{metric}': {why}; {REMEDY}")
    return items


def _question(prompt: Any) -> Any:
    match = PROMPT.match(prompt) if isinstance(prompt, str) else None
    return match[1] if match else prompt
