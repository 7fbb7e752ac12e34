"""Budgets stop before they are exceeded, and a service's limits are kept."""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.generated_worlds import generation, made
from helpers.service import Service, mixture

from lethe.common.errors import LetheError
from lethe.llm.client import Client
from lethe.llm.journal import Journal, Usage
from lethe.llm.limits import BudgetSpent, Purse, Window
from lethe.llm.settings import Budget, Prices
from lethe.world.generated.estimate import estimate
from lethe.world.generated.stages import Cohort

PRICES = {"input": 1000.0, "output": 2000.0}


@pytest.mark.parametrize("faults", [(), ("429", "500", "slow", "reset")])
@pytest.mark.parametrize(
    ("budget", "least"),
    [({"requests": 30}, 30), ({"tokens": 40_000}, 15_000), ({"cost": 40.0}, 10.0)],
)
def test_a_budget_stops_cleanly_and_is_never_exceeded(budget, least, faults, overdue, tmp_path):
    ((name, most),) = budget.items()
    fault = mixture(*faults) if faults else lambda body, tries: None
    with Service(fault=fault, overdue=overdue) as service:
        settings = generation(service.url, budget=budget, prices=PRICES, model={"max_tokens": 3000})
        for _ in range(3):
            with pytest.raises(LetheError, match=rf"budget\.{name}: .* raise it and run again"):
                made(tmp_path, settings, 20, 0)
        sent = sum(service.asked.values())
        received = sum(service.answered.values())
        with Journal(tmp_path / "journal.sqlite") as journal:
            usage = journal.usage()
        spent = {
            "requests": usage.requests,
            "tokens": usage.tokens,
            "cost": Prices(**PRICES).cost(usage.prompt_tokens, usage.completion_tokens),
        }
        assert least <= spent[name] <= most
        assert usage.requests == sent
        # All that was answered is kept, also what was under way when the budget was spent.
        base = sqlite3.connect(tmp_path / "journal.sqlite")
        assert base.execute("SELECT count(*) FROM answers").fetchone() == (received,)
        service.journal = tmp_path / "journal.sqlite"
        made(tmp_path, generation(service.url), 20, 0)
        assert not service.again


def test_the_purse_waits_for_requests_under_way():
    async def spend():
        purse = Purse(Budget(tokens=100), Prices(), Usage(5, 10, 0))
        ticket = await purse.reserve(40, 40)
        waiting = asyncio.ensure_future(purse.reserve(20, 20))
        await asyncio.sleep(0)
        assert not waiting.done()
        purse.settle(ticket, 20, 10)
        purse.settle(await waiting, 20, 20)
        with pytest.raises(BudgetSpent, match="80 of 100"):
            await purse.reserve(20, 1)
        assert purse.spent == Usage(7, 50, 30)

    asyncio.run(spend())


def test_the_window_never_holds_more_than_its_limit():
    async def enter():
        window, times = Window(5, period=0.2), []
        for _ in range(12):
            await window.enter()
            times.append(time.monotonic())
        return times

    times = asyncio.run(enter())
    assert all(later - sooner >= 0.19 for sooner, later in zip(times, times[5:], strict=False))
    assert times[-1] - times[0] < 0.6


def bodies(count: int, run: int = 0) -> list[dict]:
    """Requests that differ."""
    return [
        {
            "model": "test-model",
            "messages": [{"role": "user", "content": f"Name two {run} {n}"}],
            "max_tokens": 100,
        }
        for n in range(count)
    ]


def times_of_requests(limits: dict, period: float, folder: Path, *runs: list[dict]) -> list[float]:
    """When a service received the requests of runs one after another; ``period``: of a minute."""

    async def ask(settings, asked: list[dict]) -> None:
        with Journal(folder / "journal.sqlite") as journal:
            async with Client(settings.model, settings.service, journal) as client:
                client._requests.period = client._tokens.period = period
                await asyncio.gather(*[client.fetch("probe", body) for body in asked])

    with Service() as service:
        for asked in runs:
            asyncio.run(ask(generation(service.url, service=limits), asked))
    return service.times


def of_both_limits(most: int, period: float, folder: Path, *runs: list[dict]) -> list[list[float]]:
    """``times_of_requests`` where ``most`` fit into a minute, by their number and by their tokens.

    They wait at the same time.
    """
    limits = ({"requests_per_minute": most}, {"tokens_per_minute": most * 100 + most * 20})
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(times_of_requests, limit, period, folder / "-".join(limit), *runs)
            for limit in limits
        ]
        return [each.result() for each in waiting]


def test_limits_for_each_minute(tmp_path):
    """Requests and tokens each hold back what would be too much; a minute is shortened here."""
    for times in of_both_limits(6, 1.5, tmp_path, bodies(13)):
        assert len(times) == 13
        assert all(b - a > 0.8 for a, b in zip(times, times[6:], strict=False))


def test_limits_hold_from_run_to_run(tmp_path, monkeypatch):
    """Stages are runs of their own; the minute of one is not over when the next begins."""
    monkeypatch.setattr("lethe.llm.journal._MINUTE", 2.0)
    for times in of_both_limits(4, 2.0, tmp_path, *[bodies(3, run) for run in range(3)]):
        assert len(times) == 9
        assert all(b - a > 1.5 for a, b in zip(times, times[4:], strict=False))


def test_connections_are_bounded(tmp_path):
    with Service(latency=0.01) as service:
        made(tmp_path, generation(service.url, service={"connections": 5}), 8, 0)
    assert service.busiest == 5


def test_the_estimate(service, tmp_path):
    """It is exact in requests where nothing is rejected, before, in the middle and after."""
    settings = generation(service.url, prices=PRICES)
    cohort = {"authors": Cohort({"holdout": 1, "target": 4})}
    journal = tmp_path / "journal.sqlite"
    before = estimate(settings, cohort, journal)
    assert not journal.exists()
    made(tmp_path, settings, 4, 1)
    sent = sum(service.asked.values())
    # The probe is no part of it.
    assert before.total("missing") == sent - 1
    with Journal(journal) as kept:
        usage = kept.usage()
    assert before.total("cost") == pytest.approx(
        Prices(**PRICES).cost(usage.prompt_tokens, usage.completion_tokens), rel=0.5
    )
    assert estimate(settings, cohort, journal).total("missing") == 0
    more = {"authors": Cohort({"holdout": 1, "target": 6})}
    assert estimate(settings, more, journal).total("missing") == 2 * (1 + 1 + 2 + 4)
    service.forget()
    made(tmp_path, settings, 6, 1)
    assert sum(service.asked.values()) == 2 * (1 + 1 + 2 + 4)
