"""The trials of searches: those that are drawn at once, by seed, from declared ranges.

Trials that are proposed from the results of others are in ``lethe.pipeline.search_chains``.
"""

import random
from typing import Any

from lethe.common.errors import LetheError
from lethe.pipeline import families, needs, search_chains, supervisions
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.unlearn.search_space import declared, drawn

# The metrics that trials are ranked by.
METRICS = ("truth_ratio", "model_utility")


def check(config: Config) -> None:
    """Refuse a search whose trials cannot be ranked, proposed or run, or have names in use."""
    for metric in METRICS if config.search.methods or config.search.strategies else ():
        if metric not in config.metrics:
            raise LetheError(f"config: search: trials are ranked by {metric}; add it to metrics")
    search_chains.check(config)
    all_trials(config)
    options = search_chains.options(config)
    if options:
        every = config.with_methods(options).changed(methods=[*config.methods, *options])
        for checked in (needs.check, families.check, supervisions.check):
            checked(every)


def trial_name(method: str, number: int) -> str:
    return f"{method}_trial{number}"


def trials(config: Config, method: str) -> dict[str, dict[str, Any]]:
    """The settings of each trial of a method, by the trial's name.

    They depend only on the seed and the method's name, so more trials leave earlier ones unchanged.
    """
    configured = settings.method(config, method).settings
    ranges = declared(type(configured))
    if not ranges:
        raise LetheError(f"config: search.methods: {method} declares no search space; leave it out")
    rng = random.Random(f"search/{config.search.seed}/{method}")
    # The first trial is the method's own run, if there is one.
    first = search_chains.first_trial(config, method)
    by_name: dict[str, dict[str, Any]] = {first: {}}
    for number in range(1, config.search.trials):
        shares = [rng.random() for _ in ranges]
        by_name[trial_name(method, number)] = drawn(ranges, configured, shares)
    return by_name


def drawn_methods(config: Config) -> list[str]:
    """The methods all of whose trials are drawn at once."""
    return [] if search_chains.proposes(config) else config.search.methods


def all_trials(config: Config) -> dict[str, dict[str, Any]]:
    """``method_settings`` of all trials that are known before any has run, by name.

    A name that is taken is a LetheError.
    """
    known = {method: trials(config, method) for method in drawn_methods(config)}
    for chain in search_chains.of_config(config):
        known.setdefault(chain.start, {search_chains.first_trial(config, chain.start): {}})
    by_name = {}
    for method, own_trials in known.items():
        own = given(config.method_settings[method]) if method in config.method_settings else {}
        cls = settings.method_class(config, method)
        for name, values in own_trials.items():
            if name == method:
                continue
            search_chains.check_free(config, name)
            by_name[name] = {**own, "method": cls, **values}
    return by_name
