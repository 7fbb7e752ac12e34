"""The page put together from its parts, and written."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lethe.common.errors import LetheError
from lethe.common.files import read_json, read_text, write_text
from lethe.report import claim_layout
from lethe.report.figures.base import FigureData
from lethe.report.labels import run_label
from lethe.report.page import provenance, words
from lethe.report.page.answers import Answers, answers, pictures
from lethe.report.page.audits import audits
from lethe.report.page.captions import caption
from lethe.report.page.card import card
from lethe.report.page.data import Files, Run, Shown
from lethe.report.page.figures import MOST_PLACES, PageFigure, Sources, page_figure, png_address
from lethe.report.page.scripts import scripts
from lethe.report.page.tables import Cell, PageTable, page_table, text_cell, verdict
from lethe.report.page.templates import environment

_FOLDER = Path(__file__).parent
# The figure that opens the page: forget quality against utility.
FIRST = "trajectories"


@dataclass(frozen=True)
class NamedTable:
    """A table with its heading and its caption; ``section``: the part of the page."""

    name: str
    title: str
    section: str
    caption: Markup
    table: PageTable


def write_page(page: str | os.PathLike, run: Run, files: Files, parts: Shown) -> None:
    """Write the page of a run; LetheError names a file that is not what it should be."""
    write_text(page, html(run, files, parts))


def html(run: Run, files: Files, parts: Shown) -> str:
    """The page as text."""
    places = run.places[:MOST_PLACES]
    sources = Sources(run, files)
    # Figures compare methods; without any, the page has tables alone.
    data = {place: sources.data(place) for place in places if run.methods}
    seen = pictures(files.seen)
    recorded = [one for place in places if (one := answers(files, run, place, seen))]
    figures = [
        page_figure(name, place, how, sources, data[place])
        for name, how in _in_order(parts.figures)
        for place in data
        # A split without a figure's metrics has no such figure.
        if sources.draws(name, place, data[place])
    ]
    template = environment().get_template("page.jinja")
    return template.render(
        run=run,
        counted=words.counted,
        scripts=scripts(),
        sentence=words.what_was_run(run, _items(recorded), _epochs(data.values())),
        says={place: words.what_it_shows(data.get(place)) for place in places},
        first=[figure for figure in figures if figure.name == FIRST],
        figures=_by_section([one for one in figures if one.name != FIRST], parts.figures),
        tables=_tables(run, files, parts),
        claims=_claims(files, run.methods),
        answers=recorded,
        audits=audits(files.audits),
        places_left_out=len(run.places) - len(places),
        card=card(files.card, png_address(files.words)),
        code=provenance.code(run.revision),
        sources=provenance.sources(files),
        settings=_settings(run),
        citation=_citation(run),
    )


def _in_order(parts: dict[str, Any]) -> list[tuple[str, Any]]:
    """Plug-ins with how they are shown, in the order of their sections."""
    return sorted(parts.items(), key=lambda item: (item[1]["place"], item[0]))


def _by_section(figures: Sequence[PageFigure], parts: dict[str, Any]) -> dict[str, list]:
    sections: dict[str, list] = {}
    for figure in figures:
        sections.setdefault(parts[figure.name]["section"], []).append(figure)
    return sections


def _tables(run: Run, files: Files, parts: Shown) -> dict[str, list[NamedTable]]:
    """The tables of each section, without those for which nothing was measured."""
    sections: dict[str, list[NamedTable]] = {}
    for name, how in _in_order(parts.tables):
        text = caption(files.captions.get(name), run.world)
        made = page_table(files.tables[name], how)
        if not made.says_something:
            continue
        named = NamedTable(name, how["title"], how["section"], text, made)
        sections.setdefault(how["section"], []).append(named)
    return sections


def _claims(files: Files, methods: Sequence[str]) -> dict[str, Any]:
    """The claims about this run's models, and how many have each verdict."""
    rows = read_json(files.claims)
    if not isinstance(rows, list):
        raise LetheError(f"{files.claims}: not claims; delete it to have it made again")
    several = len({(row["model"], row["split"]) for row in rows}) > 1
    headings = ["Verdict", "Claim", "Median over seeds", "Must be", "Seeds"]
    cells = [
        [
            verdict(row["verdict"]),
            text_cell(_claim(row["claim"], methods)),
            Cell(claim_layout.span(row), row["low"]),
            Cell(claim_layout.must_be(row)),
            Cell(str(row["seeds"]), row["seeds"]),
            *([Cell(f"{row['model']}, {row['split']}")] if several else []),
        ]
        for row in rows
    ]
    made = PageTable([*headings, *(["Model, forget set"] if several else [])], cells)
    return {"counted": claim_layout.counted(rows), "table": made}


def _claim(text: str, methods: Sequence[str]) -> str:
    """A claim, which may begin with the name of a run, with that run's label."""
    first, space, rest = text.partition(" ")
    return f"{run_label(first)}{space}{rest}" if first in methods else text


def _epochs(data: Iterable[FigureData]) -> int:
    """The last epoch of any method."""
    of_methods = (one.scores.loc[one.scores["run"].isin(one.methods), "epoch"] for one in data)
    return max((int(epochs.max()) for epochs in of_methods), default=0)


def _items(recorded: Sequence[Answers]) -> dict[str, int]:
    """How many questions of each split's forget set were put, for splits whose answers are read."""
    return {one.place.split: one.items for one in recorded}


def _settings(run: Run) -> PageTable:
    said = run.settings_in_words
    rows = [[Cell(run_label(name)), Cell(said.get(name, ""))] for name in run.methods]
    return PageTable(["Method", "Settings"], rows)


def _citation(run: Run) -> str:
    text = read_text(_FOLDER / "citation.txt")
    return text.replace("VERSION", str(run.revision.get("version", "")))
