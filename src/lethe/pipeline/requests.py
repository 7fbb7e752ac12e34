"""A sequence of requests: which splits it makes of a configuration, and whether it can be run.

Request k is a split ``request{k}`` of the kind ``request``. Its settings hold requests 1 to k and
no later ones, so a further request does not change earlier ones.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.pipeline import pictures, splits
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.requests import Requests
from lethe.report import figures
from lethe.unlearn import methods
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.split import split
from lethe.world.splits.base import BaseSplit
from lethe.world.splits.request import check_pool

KIND = "request"
NAME = re.compile("request([1-9][0-9]*)")
# In place of a split, in paths of what belongs to the whole sequence.
SEQUENCE = "requests"
# Metrics of every run after every request; forget quality if there is an oracle.
METRICS = ("requests", "probability", "model_utility")
QUALITY = "forget_quality"


def number(name: str) -> int | None:
    """The number of a request's split; None for other splits."""
    match = NAME.fullmatch(name)
    return int(match[1]) if match else None


def name(request: int) -> str:
    """The split of a request, counted from 1."""
    return f"request{request}"


def names(config: Config) -> list[str]:
    """The splits of all requests, in their order; none without methods that answer them."""
    count = len(config.requests.asked) if config.requests.methods else 0
    return [name(request) for request in range(1, count + 1)]


def of_config(config: Config) -> dict[str, BaseSplit]:
    """The splits of all requests by name. LetheError, one line, if they cannot be asked."""
    chosen = config.requests
    if not chosen.asked or not chosen.methods:
        return {}
    made = _made(chosen, config.world.authors)
    return {name: pictures.with_pictures(one, config.world) for name, one in made}


def oracles_at(config: Config) -> list[int]:
    """The requests after which there is an oracle."""
    chosen = config.requests.oracles_at
    last = len(names(config))
    return ([last] if last else []) if chosen is None else sorted(chosen)


def all_methods(config: Config) -> list[str]:
    """The configuration's methods, and those of the sequence that are not among them."""
    return [*dict.fromkeys((*config.methods, *config.requests.methods))]


@lru_cache(8)
def _splits(pool: tuple[int, ...], asked: tuple) -> tuple[tuple[str, BaseSplit], ...]:
    entries = [
        {"authors": authors} | ({} if facts is None else {"facts": facts})
        for authors, facts in asked
    ]
    made = []
    for request in range(1, len(entries) + 1):
        own = {"kind": KIND, "pool": pool, "asked": entries[:request]}
        try:
            made.append((name(request), split(name(request), own)))
        except LetheError as error:
            raise LetheError(_as_request(str(error))) from None
    return tuple(made)


def _as_request(line: str) -> str:
    """The message that refuses a split's settings, with the key that the user wrote."""
    why = re.search("request [0-9]+ (asks|names).*?(?=, found|$)", line)
    return f"config: requests.asked: {why[0]}" if why else line


def _made(chosen: Requests, authors: int) -> Iterator[tuple[str, BaseSplit]]:
    pool = _pool(chosen, authors)
    yield from _splits(pool, tuple(_asked(chosen, pool)))


def _pool(chosen: Requests, authors: int) -> tuple[int, ...]:
    """The numbers of the authors who may be asked for."""
    if not chosen.pool:
        raise LetheError(
            "config: requests.pool: missing; say who may be asked for: how many of the last "
            "authors, or a list of authors"
        )
    if isinstance(chosen.pool, int):
        if chosen.pool >= authors:
            raise LetheError(
                f"config: requests.pool: {chosen.pool} of the world's {authors} authors, and some "
                "must stay; lower it, or raise world.authors"
            )
        return tuple(range(authors - chosen.pool, authors))
    check_pool(chosen.pool, authors)
    return tuple(chosen.pool)


def _asked(
    chosen: Requests, pool: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...] | None]]:
    """Authors and facts of each request."""
    free = list(pool)
    for request, one in enumerate(chosen.asked, start=1):
        taken = one.authors
        if one.next is not None:
            if one.next > len(free):
                raise LetheError(
                    f"config: requests.asked: request {request} asks for {one.next} more "
                    f"authors, but only {len(free)} are left of the pool of {len(pool)}; raise "
                    "requests.pool, or "
                    "ask for fewer"
                )
            taken = free[: one.next]
        free = [author for author in free if author not in taken]
        facts = one.facts
        if facts is not None and sorted(facts) == list(range(QUESTIONS_PER_AUTHOR)):
            facts = None
        yield tuple(taken), None if facts is None else tuple(facts)


def check(config: Config) -> None:
    """LetheError, one line, if a sequence of requests cannot be run."""
    chosen = config.requests
    if not chosen.asked and not chosen.methods:
        _check_figures(config)
        return
    for key in ("asked", "methods"):
        if not getattr(chosen, key):
            raise LetheError(f"config: requests.{key}: empty; name one or more, or empty the other")
    taken = [one for one in config.splits if number(one) is not None or one == SEQUENCE]
    if taken:
        raise LetheError(f"config: splits: {taken[0]} is the name of a request; rename it")
    made = of_config(config)
    for one in made.values():
        splits.check_world(one, config.world)
    pictures.check_requests(made.values(), config)
    beyond = [at for at in oracles_at(config) if at > len(made)]
    if beyond:
        raise LetheError(
            f"config: requests.oracles_at: {beyond[0]}, but there are {len(made)} requests; "
            "lower it"
        )


def check_methods(config: Config) -> None:
    """LetheError, one line, for a method that does not exist or has a start of its own."""
    known = sorted({*methods.names(), *config.methods, *config.method_settings})
    for name in config.requests.methods:
        if name not in known:
            raise LetheError(f"config: requests.methods: unknown name{suggest(name, known)}")
        own = config.method_settings.get(name)
        if own is not None and own.previous_run is not None:
            raise LetheError(
                f"config: requests.methods: {name} has a previous_run of its own, but each "
                "request starts from the last; leave that out"
            )
        settings.method(config, name)


def _check_figures(config: Config) -> None:
    for name in config.figures:
        if "requests" in figures.reads(name):
            raise LetheError(
                f"config: figures: {name} shows a sequence of requests; give requests.asked and "
                "requests.methods, or leave it out"
            )
