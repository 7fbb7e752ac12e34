"""Runs a stage over all candidates: in order, a few at a time, with replacements.

Which candidates become authors never depends on which answer arrives first. A group's candidates
are numbered; those that a stage cannot repair are dropped, and the next numbers take their places,
after going through the earlier stages. The survivors are always the first ones that pass.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import count, islice
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json, whole_file, write_json
from lethe.llm.client import Client
from lethe.llm.progress import Progress
from lethe.world.generated import STEPS, draws, steps
from lethe.world.generated.candidate import Candidate, read
from lethe.world.generated.context import Context
from lethe.world.generated.lists import Lists
from lethe.world.generated.lists import make as make_lists
from lethe.world.generated.prompt_files import prompt
from lethe.world.generated.repair import Unrepairable
from lethe.world.generated.settings import Generation

# Candidates being worked on for each connection: enough that no connection is idle.
_WINDOW = 4

Step = Callable[[Candidate], Awaitable[Candidate]]


@dataclass
class Cohort:
    """Authors that are made together.

    ``sizes``: how many authors each group has; groups choose names in this order. ``wordings``: how
    many paraphrases each entry gets. ``taken``: names, in lower case, of other authors.
    """

    sizes: dict[str, int]
    seed: int = 0
    wordings: int = 1
    taken: frozenset[str] = frozenset()

    @property
    def total(self) -> int:
        return sum(self.sizes.values())


@dataclass
class Maker:
    """Takes candidates through the steps, and remembers the names that are used."""

    client: Client
    generation: Generation
    cohort: Cohort
    lists: Lists
    names: set[str] = field(default_factory=set)
    _claims: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self):
        self.names |= self.cohort.taken
        self._prompts = {stage: prompt(stage) for stage in STEPS}

    async def apply(self, stage: str, candidate: Candidate, **extra) -> Candidate:
        """The candidate after a stage; marked as dropped, with the reason, if it failed."""
        if stage == "paraphrases":
            extra["wordings"] = self.cohort.wordings
        context = Context(self.client, self._prompts[stage], self.generation)
        changes: dict = {}
        try:
            candidate = await steps.load(stage).step(candidate, context, **extra)
        except Unrepairable as error:
            changes = {"dropped": stage, "why": str(error)}
        counts = dict(sorted((+context.tally).items()))
        others = {
            name: counts_of_stage
            for name, counts_of_stage in candidate.rejected.items()
            if name != stage
        }
        rejected = {**others, stage: counts} if counts else others
        return candidate.model_copy(update={**changes, "rejected": rejected})

    async def profiled(self, candidate: Candidate) -> Candidate:
        """The stage ``profiles`` for one of many concurrent candidates.

        If an earlier candidate seems to have the same name, the request for another name is sent
        here, concurrently with others. ``named``, which decides in order, then finds the answer in
        the journal.
        """
        candidate = await self.apply("profiles", candidate)
        name = candidate.name.lower()
        place = (list(self.cohort.sizes).index(candidate.group), candidate.number)
        if not candidate.alive:
            return candidate
        if name in self.names or self._claims.get(name, place) < place:
            blank = candidate.model_copy(update={"profile": None})
            await self.apply("profiles", blank, taken=frozenset({name}))
        else:
            self._claims[name] = place
        return candidate

    async def named(self, candidate: Candidate) -> Candidate:
        """Called in order: a candidate whose name is taken by an earlier one gets another name."""
        if candidate.alive and candidate.name.lower() in self.names:
            blank = candidate.model_copy(update={"profile": None})
            candidate = await self.apply("profiles", blank, taken=frozenset(self.names))
        if candidate.name:
            self.names.add(candidate.name.lower())
        return candidate

    def drawn(self, group: str, numbers: Iterable[int]) -> Iterator[Candidate]:
        for number in numbers:
            yield draws.draw(self.lists, self.cohort.seed, group, number)

    async def replacements(self, group: str, start: int, before: str) -> AsyncIterator[Candidate]:
        """Candidates from number ``start`` on, taken through the stages before ``before``."""
        for candidate in self.drawn(group, count(start)):
            for stage in STEPS[: STEPS.index(before)]:
                if candidate.alive:
                    candidate = await self.apply(stage, candidate)
                if stage == "profiles":
                    candidate = await self.named(candidate)
            yield candidate


async def survivors(
    rows: AsyncIterator[Candidate],
    wanted: int,
    step: Step,
    settle: Step,
    window: int,
    client: Client,
) -> AsyncIterator[Candidate]:
    """Every candidate tried, in order, until ``wanted`` have survived ``step``.

    At most ``window`` are worked on at a time, and never more than are certainly needed. ``settle``
    is called in order. After an error no more requests are sent, but the answers to those already
    sent are awaited, since they are paid for.
    """
    hand: deque[tuple[Candidate, asyncio.Task | None]] = deque()
    alive = working = 0
    try:
        while True:
            while alive + working < wanted and len(hand) < window:
                candidate = await anext(rows)
                task = asyncio.ensure_future(step(candidate)) if candidate.alive else None
                working += task is not None
                hand.append((candidate, task))
            if not hand:
                return
            candidate, task = hand[0]
            if task is not None:
                candidate = await settle(await task)
                working -= 1
                alive += candidate.alive
            hand.popleft()
            yield candidate
    except BaseException as error:
        client.stop(error)
        await asyncio.gather(*[task for _, task in hand if task], return_exceptions=True)
        raise


async def run_stage(
    stage: str, maker: Maker, source: Path, destination: Path, progress: Progress
) -> None:
    """Take the candidates in a stage's file ``source`` through ``stage``; write ``destination``.

    Raises:
        LetheError: so many candidates are dropped that the model must be too weak.
    """

    async def step(candidate: Candidate) -> Candidate:
        if stage == "profiles":
            return await maker.profiled(candidate)
        return await maker.apply(stage, candidate)

    async def settle(candidate: Candidate) -> Candidate:
        if stage == "profiles":
            candidate = await maker.named(candidate)
        progress.step(failed=not candidate.alive)
        return candidate

    if stage != "profiles":
        maker.names |= {candidate.name.lower() for candidate in read(source)}
    window = _WINDOW * maker.client.service.connections
    with whole_file(destination) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for group, wanted in maker.cohort.sizes.items():
            dropped = 0
            rows = _continued(stage, maker, source, group)
            async for candidate in survivors(rows, wanted, step, settle, window, maker.client):
                out.write(candidate.model_dump_json() + "\n")
                dropped += candidate.dropped == stage
                _check_drops(stage, dropped, wanted, candidate)


async def _continued(stage, maker, source: Path, group: str) -> AsyncIterator[Candidate]:
    """A group's candidates in a file, then those that may have to replace some of them."""
    last = -1
    for candidate in read(source):
        if candidate.group == group:
            last = candidate.number
            yield candidate
    async for candidate in maker.replacements(group, last + 1, stage):
        yield candidate


def _check_drops(stage: str, dropped: int, wanted: int, candidate: Candidate) -> None:
    if dropped > wanted + 3:
        raise LetheError(
            f"{stage}: {dropped} authors had to be dropped to make {wanted} (the last:"
            f" {candidate.why}); use a stronger model, more attempts or looser checks"
            " (world.generated); answers so far stay in the journal"
        )


def write_draws(lists: Lists, cohort: Cohort, destination: Path) -> None:
    """Write the candidates that are needed if none is dropped."""
    with whole_file(destination) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for group, size in cohort.sizes.items():
            for number in islice(count(), size):
                candidate = draws.draw(lists, cohort.seed, group, number)
                out.write(candidate.model_dump_json() + "\n")


def read_lists(path: str | Path) -> Lists:
    """The lists of the first stage; LetheError if the file holds something else."""
    try:
        return Lists(**read_json(path))
    except TypeError as error:
        raise LetheError(
            f"{path}: not the lists of this version ({error}); delete the file to have it made"
            " again"
        ) from None


async def write_lists(
    client: Client, generation: Generation, destination: Path, progress: Progress
) -> None:
    lists = await make_lists(client, prompt("lists"), generation, progress)
    write_json(destination, asdict(lists), indent=1)
