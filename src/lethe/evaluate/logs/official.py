"""The log of the TOFU authors' evaluation: ``eval_log_aggregated.json`` (locuslab/tofu).

A JSON object of four logs by file name; each has columns that map an item's index to its value. An
index means nothing outside its own file: items are identified by the text of their question.
"""

import re
from typing import Any

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.records import Checkpoint, ItemSet, Records, item_set

SUITE = "tofu"
FILES = {
    "forget": "eval_log_forget.json",
    "retain": "eval_log.json",
    "real_authors": "eval_real_author_wo_options.json",
    "world_facts": "eval_real_world_wo_options.json",
}
# Our column, and theirs. The sets of true facts have a "paraphrase", too: the answer itself in
# another batch, so rounded differently; it is read because their truth ratio divides by it.
COLUMNS = {
    "answer_loss": "avg_gt_loss",
    "paraphrase_loss": "avg_paraphrased_loss",
    "perturbed_loss": "average_perturb_loss",
    "answer_tokens": "num_token_gt",
    "paraphrase_tokens": "num_token_paraphrased",
    "perturbed_tokens": "num_token_perturb",
}
TEXTS = "generated_text"
# What the templates of Llama-2 and of Phi put around a question.
TEMPLATES = re.compile(r"^(?:\[INST\] |Question: )?(.*?)(?: \[/INST\].*|\n)?$", re.DOTALL)
REMEDY = "aggregate the evaluation again or name another log"


def is_official(document: Any) -> bool:
    """Whether a JSON document looks like an official log: it has at least one of its files."""
    return isinstance(document, dict) and any(file in document for file in FILES.values())


def official_records(document: dict, path: str) -> Records:
    """Records of one checkpoint. LetheError names the set and column of a fault, with counts."""
    missing = [file for file in FILES.values() if file not in document]
    if missing:
        count = f"{len(missing)} of the {len(FILES)} sets are missing"
        raise LetheError(f"{path}: {count} ({', '.join(missing)}); {REMEDY}")
    sets = {name: _items(document[file], f"{path}: {file}") for name, file in FILES.items()}
    return Records(SUITE, [Checkpoint(0, 0, sets)], path)


def _items(log: Any, where: str) -> ItemSet:
    if not isinstance(log, dict):
        raise LetheError(f"{where}: not an object; {REMEDY}")
    texts = _column(log, TEXTS, where)
    broken = sum(not _is_triple(value) for value in texts.values())
    if broken or not texts:
        why = f"{broken} of {len(texts)} items are not [prompt, generation, answer]"
        raise LetheError(f"{where}, column '{TEXTS}': {why}; {REMEDY}")
    columns = {"question": [TEMPLATES.match(prompt)[1] for prompt, _, _ in texts.values()]}
    columns["generation"] = [generation for _, generation, _ in texts.values()]
    columns["answer"] = [answer for _, _, answer in texts.values()]
    for ours, theirs in COLUMNS.items():
        column = _column(log, theirs, where)
        differing = len(column.keys() ^ texts.keys())
        if differing:
            why = f"its items and those of '{TEXTS}' differ in {differing}"
            raise LetheError(f"{where}, column '{theirs}': {why}; {REMEDY}")
        columns[ours] = [column[key] for key in texts]
    return item_set(columns, where, REMEDY, suite.contract(SUITE).columns)


def _column(log: dict, name: str, where: str) -> dict:
    if not isinstance(log.get(name), dict):
        raise LetheError(f"{where}: no column '{name}'; {REMEDY}")
    return log[name]


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(v, str) for v in value)
