"""Runs one stage from files to files, for the workflow's jobs and the command line."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lethe.common.files import read_json, write_json
from lethe.llm.client import Client
from lethe.llm.journal import Journal
from lethe.llm.progress import Progress
from lethe.world.background import names_in
from lethe.world.generated import STAGES
from lethe.world.generated.candidate import read
from lethe.world.generated.prompt_files import prompt
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import (
    Cohort,
    Maker,
    read_lists,
    run_stage,
    write_draws,
    write_lists,
)
from lethe.world.rows import read_qa


def run(
    stage: str,
    generation: Generation,
    cohort: Cohort,
    journal: str | Path,
    destination: str | Path,
    lists: str | Path | None = None,
    source: str | Path | None = None,
    cost: str | Path | None = None,
    name: str = "lists",
    before: Sequence[str | Path] = (),
) -> None:
    """Run one stage of the cohort ``name``; write its file and, to ``cost``, its cost so far.

    ``lists`` is the first stage's file, which all others need; ``source`` is the file of the stage
    before. ``before``: the ``cost`` files of the cohort's earlier stages that send requests.
    Requests that ``journal`` can answer are not sent.

    Raises:
        LetheError: the service cannot be used, the budget is spent, or the model is too weak.
    """
    if stage == "draws":
        write_draws(read_lists(lists), cohort, Path(destination))
        return
    with Journal(journal) as answers:
        asyncio.run(_asked(stage, generation, cohort, answers, destination, lists, source, name))
        if cost is not None:
            used = figures(stage, generation, answers, name, [*map(read_json, before)])
            write_json(cost, used, indent=1)


def names_of(
    candidates: str | Path | None = None, rows: str | Path | None = None
) -> frozenset[str]:
    """Names in lower case that are taken: those of a stage's candidates and those in rows."""
    names = {candidate.name for candidate in read(candidates)} if candidates else set()
    if rows:
        names |= names_in(read_qa(rows))
    return frozenset(name.lower() for name in names if name)


def make(
    generation: Generation,
    cohorts: dict[str, Cohort],
    journal: str | Path,
    folder: str | Path,
) -> dict[str, Path]:
    """Run every stage of ``cohorts`` in ``folder``; returns the file of each cohort's last stage.

    If both ``authors`` and ``background`` are made, the latter avoid the names of the former.
    """
    folder, last = Path(folder), {}
    lists = folder / "lists" / "lists.json"
    run("lists", generation, Cohort({}), journal, lists, cost=_cost(lists))
    for name, cohort in cohorts.items():
        if "authors" in last:
            cohort = replace(cohort, taken=names_of(last["authors"]))
        before: list[Path] = []
        for stage in STAGES[1:-1] if name == "background" else STAGES[1:]:
            made = folder / name / f"{stage}.json"
            cost, source = _cost(made), last.get(name)
            run(stage, generation, cohort, journal, made, lists, source, cost, name, before)
            before += [cost] * (stage != "draws")
            last[name] = made
    return last


def _cost(made: Path) -> Path:
    return made.parent / "cost" / made.name


async def _asked(stage, generation, cohort, answers, destination, lists, source, name) -> None:
    total = 4 if stage == "lists" else cohort.total
    g = generation
    async with Client(g.model, g.service, answers, g.budget, g.prices, f"{name}/") as client:
        progress = Progress(f"{name}: {stage}", total, client.counts)
        try:
            if stage == "lists":
                await write_lists(client, generation, Path(destination), progress)
            else:
                maker = Maker(client, generation, cohort, read_lists(lists))
                await run_stage(stage, maker, Path(source), Path(destination), progress)
        finally:
            progress.close()


def figures(
    stage: str, generation: Generation, journal: Journal, name: str, before: Sequence[dict] = ()
) -> dict:
    """What a stage has taken in all runs with this journal, and its prompt and models.

    Replacements go through earlier stages again, after these wrote their figures (``before``); what
    they take there is counted here.
    """
    # The probe belongs to no stage; the first one pays for it.
    stages = ["probe"] * (stage == STAGES[0]) + [f"{name}/{stage}"]
    stages += [f"{name}/{figure['stage']}" for figure in before]
    used, asked = journal.usage(stages), prompt(stage)
    counts = {
        key: getattr(used, key) - sum(figure[key] for figure in before)
        for key in ("requests", "prompt_tokens", "completion_tokens")
    }
    prices = generation.prices.cost(counts["prompt_tokens"], counts["completion_tokens"])
    return {
        "format": 1,
        "cohort": name,
        "stage": stage,
        "prompt": {"version": asked.version, "sha256": asked.digest},
        "models": _less(journal.models(stages), [figure["models"] for figure in before]),
        **counts,
        "cost": round(prices, 6),
        "failures": _less(journal.failures(stages), [figure["failures"] for figure in before]),
    }


def _less(counts: Mapping[str, int], known: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts minus those that are counted elsewhere already."""
    left = Counter(counts)
    for some in known:
        left.subtract(some)
    return dict(sorted((+left).items()))
