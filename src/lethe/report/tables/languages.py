"""What is known in each language at each run's last epoch, and how far forgetting spreads."""

import math

import pandas as pd

from lethe.report.table_layout import Group, bracketed, groups, markdown_table, note, place, spread
from lethe.report.table_layout import row_start as first_cells
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.knowledge_spread",)
PAGE = {
    "title": "Several languages",
    "columns": {
        "language": ("Language", ""),
        "role": ("Role", ""),
        "forget": ("Forget prob.", ".3f"),
        "retain": ("Retain prob. ↑", ".3f"),
        "kss_roc": ("KSS-ROC ↑", ".3f"),
        "kss_pr": ("KSS-PR ↑", ".3f"),
        "unknown": ("Forget facts unknown", ".0f"),
        "kps": ("of them known elsewhere (KPS) ↓", ".3f"),
        "youden": ("Judge (Youden's J)", ".2f"),
    },
}
SPREAD, PROBABILITY = "knowledge_spread", "language_probability"
# Rows for several languages together.
LEARNED, HOLDOUT = "all learned", "all hold-out"
FORMATS = {key: how for key, (_, how) in PAGE["columns"].items() if how}


def build(data: TableData) -> pd.DataFrame:
    """A row for the languages learned, one for the hold-out ones, and one for each language.

    Means over seeds with intervals over them. ``kps`` is empty if a seed has no fact that is
    unknown in the language; ``unknown`` is the number of such facts.
    """
    rows = []
    for group in groups(data.scores, data.methods, data.seeds, data.oracles):
        names = _languages(group)
        rows.append(_together(group, LEARNED, "", names, "kps"))
        if not all(_is(group, "learned", name) for name in names):
            rows.append(_together(group, HOLDOUT, "_holdout", names))
        rows += [_of_language(group, name) for name in names]
    return pd.DataFrame(rows)


def _languages(group: Group) -> list[str]:
    listed = group.scores[group.scores["metric"] == PROBABILITY]["name"]
    names = [name.removeprefix("forget_") for name in listed if name.startswith("forget_")]
    return list(dict.fromkeys(names))


def _is(group: Group, what: str, name: str) -> bool:
    return bool(group.values(SPREAD, f"{what}_{name}")[0])


def _together(group: Group, label: str, suffix: str, names: list[str], kps: str = "") -> dict:
    wanted = suffix == ""
    some = [name for name in names if _is(group, "learned", name) == wanted]
    given = [name for name in some if _is(group, "given", name)]
    row = place(group) | {"language": label, "role": ""}
    for name in ("forget", "retain"):
        by_language = [group.values(PROBABILITY, f"{name}_{one}") for one in some]
        row |= spread(name, [sum(values) / len(some) for values in zip(*by_language, strict=True)])
    row |= _scores(group, suffix)
    known = kps and all(0 not in group.values(SPREAD, f"unknown_{name}") for name in given)
    return row | _rest(group.values(SPREAD, kps) if known else [])


def _of_language(group: Group, name: str) -> dict:
    role = "learned" if _is(group, "learned", name) else "hold-out"
    role = "given" if _is(group, "given", name) else role
    row = place(group) | {"language": name, "role": role}
    for key in ("forget", "retain"):
        row |= spread(key, group.values(PROBABILITY, f"{key}_{name}"))
    unknown = group.values(SPREAD, f"unknown_{name}")
    persistence = [] if 0 in unknown else group.values(SPREAD, f"kps_{name}")
    judge = group.values(SPREAD, f"youden_{name}")
    return row | _scores(group, f"_{name}") | _rest(persistence, unknown, judge)


def _scores(group: Group, suffix: str) -> dict:
    numbers: dict = {}
    for key in ("kss_roc", "kss_pr"):
        numbers |= spread(key, group.values(SPREAD, f"{key}{suffix}"))
    return numbers


def _rest(kps: list[float], unknown: list[float] = (), youden: list[float] = ()) -> dict:
    return spread("kps", kps) | spread("unknown", unknown) | spread("youden", youden)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; undefined numbers are left empty."""
    rows = []
    for record in table.to_dict("records"):
        row = first_cells(record)
        row |= {PAGE["columns"][key][0]: record[key] for key in ("language", "role")}
        for key, digits in FORMATS.items():
            row[PAGE["columns"][key][0]] = _cell(record, key, digits)
        rows.append(row)
    return markdown_table(rows) + note(table)


def _cell(record: dict, key: str, digits: str) -> str:
    if math.isnan(record[key]):
        return ""
    return bracketed(record[key], record[f"{key}_low"], record[f"{key}_high"], digits)
