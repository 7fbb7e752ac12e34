"""Hundreds of random responses: an answer, a failure in passing or one line, and nothing else."""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest
from helpers.generated_worlds import generation, made
from helpers.nasty_service import Nasty
from helpers.random_responses import some
from helpers.service import KEY, MODEL

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.llm.client import Client
from lethe.llm.journal import Journal
from lethe.llm.probe import messages
from lethe.llm.settings import Budget
from lethe.llm.structured import Unusable
from lethe.world.generated import lists
from lethe.world.generated.candidate import read
from lethe.world.generated.steps import pairs, perturbations, profiles

SEED = int(os.environ.get("FUZZ_SEED", "0"))
SHAPES = [
    lists.shape(3),
    profiles.shape(["name", "books", "biography"]),
    pairs.shape([1, 2]),
    perturbations.shape(2),
]
MODES = ("json_schema", "text")


def bodies(count: int) -> list[dict]:
    return [
        {"model": MODEL, "messages": messages("text"), "max_tokens": 100 + n} for n in range(count)
    ]


async def _one(client: Client, body: dict) -> None:
    try:
        answer = await client.fetch("pairs", body)
    except LetheError as error:
        line = str(error)
        assert "\n" not in line
        assert unfit(line) is None
        assert KEY not in line
        return
    for shape in SHAPES:
        for mode in MODES:
            try:
                shape.read(answer, mode)
            except Unusable:
                continue


def asked_all(folder: Path, server: Nasty, count: int, **budget) -> None:
    """Each request by a client of its own, so that the end of one run is not the end of all."""
    settings = generation(server.url, service={"tries": 2, "backoff": 0.001, "timeout": 5.0})

    async def ask() -> None:
        with Journal(folder / "journal.sqlite") as journal:
            for body in bodies(count):
                before = journal.usage()
                limits = Budget(**budget) if budget else None
                async with Client(settings.model, settings.service, journal, limits) as client:
                    await _one(client, body)
                after = journal.usage()
                assert after.requests >= before.requests
                assert after.prompt_tokens >= before.prompt_tokens
                assert after.completion_tokens >= before.completion_tokens

    asyncio.run(ask())


def test_random_responses(tmp_path):
    count = 120
    rng = Random(SEED)
    with Nasty(say=lambda body, tries: some(rng)) as service:
        asked_all(tmp_path, service, count)
        received = service.received
        with Journal(tmp_path / "journal.sqlite") as journal:
            # Some responses close a kept connection before a request is read: at most those.
            assert received <= journal.usage().requests <= 2 * count
            assert not any(unfit(name) for name in journal.models())
        # What was answered is found, word for word, and the key is nowhere.
        asked_all(tmp_path, service, count)
    for file in tmp_path.glob("journal.sqlite*"):
        assert KEY.encode() not in file.read_bytes()


def test_a_budget_of_requests_is_kept_whatever_comes(tmp_path):
    rng = Random(SEED + 1)
    with Nasty(say=lambda body, tries: some(rng)) as service:
        asked_all(tmp_path, service, 40, requests=15)
        assert service.received <= 15


@pytest.mark.parametrize("mode", ["json_schema", "text"])
def test_a_world_made_among_random_responses(mode, tmp_path):
    """A third of the first tries are noise: the world is made, or ended by a line; then rerun."""
    rng = Random(SEED + 2)

    def say(body, tries):
        return some(rng) if rng.random() < 0.3 else None

    with Nasty(say=say, offers=() if mode == "text" else ("json_schema",)) as service:
        settings = generation(service.url, attempts=6)
        for _ in range(60):
            try:
                path = made(tmp_path, settings, 2, 0)
                break
            except LetheError:
                continue
        service.say = lambda body, tries: None
        path = made(tmp_path, settings, 2, 0)
    assert sum(candidate.alive for candidate in read(path)) == 2
    assert not unfit(path.read_text())
    assert KEY not in path.read_text()
