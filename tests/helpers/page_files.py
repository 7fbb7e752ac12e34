"""All files of a run that the page is made from, made up, for tests of the page."""

import json
import math
from pathlib import Path

import pandas as pd

import lethe.report.figures
import lethe.report.tables
from helpers import synthetic_metrics as made
from helpers.made_records import make_document
from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.claims.tofu import check
from lethe.analysis.intervals import by_place, write_intervals
from lethe.analysis.scores import collect_scores, write_numbers, write_scores
from lethe.common import paths
from lethe.common.files import write_json
from lethe.report.page.data import Files, Run, Shown
from lethe.report.tables.base import TableData

CAPTIONS = Path(__file__).parents[2] / "workflow/report"
FIGURES = ("trajectories", "curves", "truth_ratios", "utility_bars", "pareto")
TABLES = ("summary", "utility", "oracles")
CARD = "---\nlanguage: en\n---\n# The world\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
CARD += "![words](words.png)\n"
# One white dot.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f"
    "0005fe02fe0def46b80000000049454e44ae426082"
)


def page_files(
    folder: Path,
    methods=tuple(made.METHODS),
    items: int = 12,
    seeds=(0,),
    splits=(made.SPLIT,),
) -> tuple[Run, Files, Shown]:
    """Everything that ``write_page`` takes, of made-up runs of these methods."""
    entries = [
        entry
        for split in splits
        for entry in made.write_world(folder / "metrics", methods, seeds, (1000,), split)
    ]
    scores, intervals = collect_scores(entries), collect_intervals(entries)
    tables = folder / "tables"
    write_scores(scores, tables / "scores.csv")
    write_intervals(intervals, tables / "intervals.csv")
    costs = [made.costs(methods, seeds).assign(split=split) for split in splits]
    write_numbers(pd.concat(costs), tables / "cost.csv")
    oracles = dict.fromkeys(splits, "retain")
    claims = check(scores, [made.MODEL], splits, seeds, [1000], methods, oracles)
    write_json(tables / "claims.json", claims)
    _write_tables(tables, entries, methods, seeds, scores, by_place(intervals))
    (folder / "words.png").write_bytes(PNG)
    (folder / "README.md").write_text(CARD)
    names = [*TABLES, "cost"]
    files = Files(
        tables / "scores.csv",
        tables / "intervals.csv",
        tables / "claims.json",
        folder / "README.md",
        folder / "words.png",
        tables={name: tables / f"{name}.csv" for name in names},
        captions={name: caption_file(name) for name in [*names, *FIGURES]},
        metrics=entries,
        records=[
            entry
            for split in splits
            for entry in _write_records(folder, split, methods, items, seeds[0])
        ],
    )
    settings = {method: {"lr": 0.001, "epochs": 5} for method in methods}
    run = Run(
        made.WORLD,
        [made.MODEL],
        list(splits),
        list(methods),
        list(seeds),
        [1000],
        settings,
        {split: ["retain"] for split in splits},
        {"version": "0.0", "commit": None, "changed": None},
    )
    shown = Shown(
        {name: lethe.report.tables.page(name) for name in names},
        {name: lethe.report.figures.page(name) for name in FIGURES},
    )
    return run, files, shown


def caption_file(name: str) -> Path:
    """The caption of a table or figure as the page has it."""
    own = CAPTIONS / "page" / f"{name}.rst"
    return own if own.exists() else CAPTIONS / f"{name}.rst"


def _write_tables(folder, entries, methods, seeds, scores, intervals) -> None:
    ratios = [entry for entry in entries if entry["metric"] == "truth_ratio"]
    data = TableData(methods, seeds, scores, intervals, ratios)
    for name in TABLES:
        lethe.report.tables.render(name, data, folder / f"{name}.csv", folder / f"{name}.md")


def _write_records(folder: Path, split: str, methods, items: int, seed: int) -> list[dict]:
    entries = []
    for number, run in enumerate(("full", "retain", *methods)):
        epochs = (0,) if run in ("full", "retain") else (1, 2)
        document = make_document(epochs, items, seed=0)
        for point in document["checkpoints"]:
            forget = point["sets"]["forget"]
            forget["question"] = [f"Who wrote book {item}?" for item in range(items)]
            forget["answer"] = [f"Author {item} wrote it." for item in range(items)]
            forget["generation"] = [f"{run} says {item}" for item in range(items)]
            forget["answer_loss"] = [0.1 * (number + 1) + 0.01 * item for item in range(items)]
        place = {"model": made.MODEL, "split": split, "run": run}
        path = folder / paths.records(paths.run(made.WORLD, *place.values(), seed))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
        entries.append(place | {"path": str(path)})
    return entries


def probability(run_number: int, item: int) -> float:
    """The probability of the right answer that the made-up records of a run say."""
    return math.exp(-(0.1 * (run_number + 1) + 0.01 * item))


def with_text_of(files: Files, run: str, column: str, texts: list[str]) -> Files:
    """The same files, the first rows of a column of a run's records replaced."""
    [entry] = [one for one in files.records if one["run"] == run]
    document = json.loads(Path(entry["path"]).read_text(encoding="utf-8"))
    for point in document["checkpoints"]:
        values = point["sets"]["forget"][column]
        values[: len(texts)] = texts
    Path(entry["path"]).write_text(json.dumps(document), encoding="utf-8")
    return files
