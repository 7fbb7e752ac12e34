"""RWKU's scores of every run at its last epoch, and which of its components were not computed.

Source: RWKU, arXiv 2406.10890; docs/rwku.md says how to read it.
"""

from collections.abc import Mapping

import pandas as pd

from lethe.report.table_layout import is_measured, value_rows, value_table
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.rwku_probes",)
PAGE = {
    "title": "RWKU",
    "section": "summary",
    "place": 0,
    "columns": {
        "forget_level1": ("Forget: blanks ↓", ".3f"),
        "forget_level2": ("questions ↓", ".3f"),
        "forget_level3": ("adversarial ↓", ".3f"),
        "forget": ("all ↓", ".3f"),
        "neighbor_level1": ("Neighbours: blanks ↑", ".3f"),
        "neighbor_level2": ("questions ↑", ".3f"),
        "neighbor": ("all ↑", ".3f"),
        "mia_forget": ("Texts: loss on targets ↑", ".3f"),
        "mia_retain": ("on others ↓", ".3f"),
        "mia_auc": ("AUC", ".3f"),
        "mmlu": ("MMLU ↑", ".3f"),
        "reasoning": ("BBH ↑", ".3f"),
        "truthful": ("TruthfulQA ↑", ".3f"),
        "trivia": ("TriviaQA F1 ↑", ".3f"),
        "fluency": ("Fluency ↑", ".2f"),
    },
}
# key: (metric, value in its file)
NUMBERS = {
    "forget_level1": ("rwku_probes", "forget_level1"),
    "forget_level2": ("rwku_probes", "forget_level2"),
    "forget_level3": ("rwku_probes", "forget_level3"),
    "forget": ("rwku_probes", "forget"),
    "neighbor_level1": ("rwku_probes", "neighbor_level1"),
    "neighbor_level2": ("rwku_probes", "neighbor_level2"),
    "neighbor": ("rwku_probes", "neighbor"),
    "mia_forget": ("membership_texts", "forget_loss"),
    "mia_retain": ("membership_texts", "retain_loss"),
    "mia_auc": ("membership_texts", "loss_auc"),
    "mmlu": ("mmlu", "accuracy"),
    "reasoning": ("reasoning", "exact_match"),
    "truthful": ("truthful", "mc1"),
    "trivia": ("trivia", "f1"),
    "fluency": ("ngram_entropy", "entropy"),
}
HEADINGS = {
    "forget": "Forget: all ↓",
    "forget_level2": "Forget: questions ↓",
    "forget_level3": "Forget: adversarial ↓",
    "neighbor": "Neighbours: all ↑",
    "neighbor_level2": "Neighbours: questions ↑",
    "mia_retain": "Texts: loss on others ↓",
    "mia_auc": "Texts: AUC",
}
# RWKU's components beside its probes, and the metrics that measure them.
COMPONENTS = {
    "membership": "membership_texts",
    "MMLU": "mmlu",
    "BBH": "reasoning",
    "TruthfulQA": "truthful",
    "TriviaQA": "trivia",
    "fluency": "ngram_entropy",
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; what was not measured has no column."""
    return value_rows(
        data, {key: one for key, one in NUMBERS.items() if is_measured(data.scores, one[0])}
    )


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers, and the components that it lacks."""
    headings = {
        key: (HEADINGS.get(key, heading), digits)
        for key, (heading, digits) in PAGE["columns"].items()
    }
    return value_table(table, headings) + _missing(table)


def _missing(table: Mapping) -> str:
    """One line on the components of RWKU that were not computed, and so count nowhere."""
    have = {metric for key, (metric, _) in NUMBERS.items() if key in table}
    absent = [name for name, metric in COMPONENTS.items() if metric not in have]
    return f"Not computed, and part of no number here: {', '.join(absent)}.\n" if absent else ""
