"""Makes a whole world in a folder, with a language model if its authors are generated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lethe.common.files import read_json, write_rows
from lethe.world.card import Making
from lethe.world.generated import STAGES
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import Cohort
from lethe.world.provider import provider
from lethe.world.tofu_format import write_world
from lethe.world.traces import traced


@dataclass(frozen=True)
class Generated:
    """What a language model is to make: the cohorts ``authors`` and ``background``, or one of them.

    ``journal``: the file with all its answers. ``phrasings``: in how many ways the rows of
    background authors state each fact.
    """

    generation: Generation
    cohorts: Mapping[str, Cohort]
    journal: str | Path
    phrasings: int = 1


def make_world(
    name: str,
    out: str | Path,
    *,
    settings: Mapping[str, Any],
    authors: int,
    holdout: int,
    perturbed_retain_authors: int,
    generated: Generated | None = None,
    traces: Mapping[str, Any] | None = None,
) -> Making:
    """Make a world in ``out``: its files in ``data``, a language model's stages in ``stages``.

    ``name`` and ``settings`` are those of the provider; the ``path`` of generated authors is filled
    in; ``traces`` are those of ``lethe.world.traces``, if the world has any. Returns what the data
    card says about the making. Raises LetheError as ``write_world`` and the stages do.
    """
    out, given, last = Path(out), dict(settings), {}
    cohorts = {} if generated is None else dict(generated.cohorts)
    if "authors" in cohorts:
        last = _made(generated, {"authors": cohorts["authors"]}, out)
        given["path"] = last["authors"]
    source = traced(provider(name, **given), traces)
    write_world(source, out / "data", authors, holdout, perturbed_retain_authors)
    if "background" in cohorts:
        last |= _background(generated, last.get("authors"), out)
    return Making() if generated is None else _making(generated.generation, last, out / "stages")


def _made(generated: Generated, cohorts: Mapping[str, Cohort], out: Path) -> dict[str, Path]:
    from lethe.world.generated.run import make

    return make(generated.generation, dict(cohorts), generated.journal, out / "stages")


def _background(generated: Generated, authors: Path | None, out: Path) -> dict[str, Path]:
    """Make background authors, who get none of the names of the world's authors."""
    from lethe.world.generated.run import names_of
    from lethe.world.providers.generated import background_rows

    taken = names_of(authors, None if authors else out / "data" / "full.json")
    cohort = replace(generated.cohorts["background"], taken=taken)
    last = _made(generated, {"background": cohort}, out)
    rows = background_rows(last["background"], generated.phrasings)
    write_rows(out / "data" / "background.json", rows)
    return last


def _making(generation: Generation, last: Mapping[str, Path], folder: Path) -> Making:
    costs = [read_json(folder / "lists" / "cost" / "lists.json")]
    for cohort, path in last.items():
        stages = STAGES[2 : STAGES.index(path.stem) + 1]
        costs += [read_json(folder / cohort / "cost" / f"{stage}.json") for stage in stages]
    lists = folder / "lists" / "lists.json"
    return Making(costs, lists, list(last.values()), generation.content())
