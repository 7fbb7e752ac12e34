"""Estimates the requests, tokens and cost that a world still needs, without sending a request.

The journal is asked everything that a run would ask, and what it cannot answer is counted. Requests
that gates will cause cannot be foreseen; with a good model they are few.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from pathlib import Path

from lethe.llm.client import DryClient
from lethe.llm.failures import Missing
from lethe.llm.journal import Journal
from lethe.llm.progress import Counts, Progress
from lethe.world.generated import STEPS
from lethe.world.generated.lists import Lists
from lethe.world.generated.lists import make as make_lists
from lethe.world.generated.prompt_files import prompt
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import Cohort, Maker
from lethe.world.rows import PERTURBED_PER_ITEM
from lethe.world.schema import QUESTIONS_PER_AUTHOR

# Assumed tokens of a pair, a wrong answer, a profile and a list's entry, as long as the journal has
# none; and bytes per token.
_PAIR, _WRONG, _PROFILE, _ENTRY, _BYTES_A_TOKEN = 60, 35, 350, 5, 4


@dataclass
class Row:
    """One stage of one cohort: all requests, those still missing, and tokens and cost of these."""

    requests: int
    missing: int
    prompt_tokens: int
    completion_tokens: int
    cost: float


@dataclass
class Estimate:
    """Rows by cohort and stage; ``spent_…`` is what the journal's answers have taken so far."""

    rows: dict[str, Row] = field(default_factory=dict)
    spent_requests: int = 0
    spent_tokens: int = 0
    spent_cost: float = 0.0

    def total(self, name: str) -> float:
        return sum(getattr(row, name) for row in self.rows.values())


def estimate(generation: Generation, cohorts: dict[str, Cohort], journal: str | Path) -> Estimate:
    """How many requests and tokens the ``cohorts`` still need, and their cost."""
    with Journal(journal, read_only=True) as answers:
        counted = asyncio.run(_counted(generation, cohorts, answers))
        totals = Estimate()
        for (cohort, stage), (requests, missing) in counted.items():
            prompt_each, answer_each = _each(cohort, stage, generation, answers)
            tokens = ceil(missing * prompt_each), ceil(missing * answer_each)
            cost = generation.prices.cost(*tokens)
            totals.rows[f"{cohort}: {stage}"] = Row(requests, missing, *tokens, cost)
        used = answers.usage()
        totals.spent_requests, totals.spent_tokens = used.requests, used.tokens
        totals.spent_cost = generation.prices.cost(used.prompt_tokens, used.completion_tokens)
    return totals


def requests_of(stage: str, generation: Generation, cohort: Cohort) -> int:
    """The number of requests for one author if nothing is rejected."""
    if stage == "profiles":
        return 1
    batches = ceil(QUESTIONS_PER_AUTHOR / getattr(generation.batch, stage))
    return batches * cohort.wordings if stage == "paraphrases" else batches


async def _counted(generation, cohorts, answers) -> dict[tuple[str, str], tuple[int, int]]:
    """All requests and those missing in the journal, by cohort and stage."""
    g = generation
    client = DryClient(g.model, g.service, answers, g.budget, g.prices)
    in_all = 3 + g.lists.genres
    lists = await _lists(client, generation)
    requests = {("lists", "lists"): (in_all, 0 if lists else max(1, in_all - client.counts.reused))}
    for name, cohort in cohorts.items():
        steps = STEPS[:-1] if name == "background" else STEPS
        missing = Counter()
        sizes = sum(cohort.sizes.values())
        if lists is None:
            missing.update({s: sizes * requests_of(s, generation, cohort) for s in steps})
        else:
            maker = Maker(client, generation, cohort, lists)
            for group, size in cohort.sizes.items():
                missing.update(await _group(maker, group, size, steps))
        for stage in steps:
            each = requests_of(stage, generation, cohort)
            requests[name, stage] = (max(sizes * each, missing[stage]), missing[stage])
    return requests


async def _lists(client: DryClient, generation: Generation) -> Lists | None:
    try:
        silent = Progress("", 1, Counts(), every=float("inf"))
        return await make_lists(client, prompt("lists"), generation, silent)
    except Missing:
        return None


async def _group(maker: Maker, group: str, size: int, steps: tuple[str, ...]) -> Counter:
    """Requests that a group still needs; candidates known to fail from the journal are replaced."""
    missing: Counter[str] = Counter()
    alive = 0
    for candidate in maker.drawn(group, count()):
        if alive == size:
            break
        for place, stage in enumerate(steps):
            before = maker.client.counts.reused
            try:
                candidate = await maker.apply(stage, candidate)
                if stage == "profiles":
                    candidate = await maker.named(candidate)
            except Missing:
                reused = maker.client.counts.reused - before
                each = requests_of(stage, maker.generation, maker.cohort)
                missing[stage] += max(1, each - reused)
                for later in steps[place + 1 :]:
                    missing[later] += requests_of(later, maker.generation, maker.cohort)
                break
            if not candidate.alive:
                break
        alive += candidate.alive
    return missing


def _each(cohort: str, stage: str, generation: Generation, answers: Journal) -> tuple[float, float]:
    """Tokens of one request and of its answer: the mean so far, or an assumption."""
    known = answers.answered(f"{cohort}/{stage}")
    if known.requests:
        return known.prompt_tokens / known.requests, known.completion_tokens / known.requests
    words = sum(len(prompt(stage).parts[part]) for part in ("system", "user", "json"))
    fixed = words / _BYTES_A_TOKEN
    if stage == "lists":
        sizes = generation.lists
        entries = sizes.birthplaces + sizes.genres + sizes.occupations
        entries += sizes.genres * sizes.titles
        return fixed, _ENTRY * entries / (3 + sizes.genres)
    if stage == "profiles":
        return fixed + 40, _PROFILE
    items = min(getattr(generation.batch, stage), QUESTIONS_PER_AUTHOR)
    if stage == "pairs":
        return fixed + _PROFILE + 15 * items, _PAIR * items
    if stage == "paraphrases":
        return fixed + _PAIR * items, _PAIR * items
    return fixed + _PAIR * items, PERTURBED_PER_ITEM * _WRONG * items
