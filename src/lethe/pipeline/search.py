"""The trials of a search: variants of methods, with settings drawn from declared ranges."""

import random
from typing import Any

from lethe.common.errors import LetheError
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.unlearn.search_space import declared, drawn

# The metrics that trials are ranked by.
METRICS = ("truth_ratio", "model_utility")


def check(config: Config) -> None:
    """Refuse a search whose trials cannot be ranked or have names that are taken."""
    for metric in METRICS if config.search.methods else ():
        if metric not in config.metrics:
            raise LetheError(f"config: search: trials are ranked by {metric}; add it to metrics")
    all_trials(config)


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
    first = method if method in config.methods else trial_name(method, 0)
    by_name: dict[str, dict[str, Any]] = {first: {}}
    for number in range(1, config.search.trials):
        shares = [rng.random() for _ in ranges]
        by_name[trial_name(method, number)] = drawn(ranges, configured, shares)
    return by_name


def all_trials(config: Config) -> dict[str, dict[str, Any]]:
    """``method_settings`` of all trials, by name; LetheError for a name that is taken."""
    by_name = {}
    for method in config.search.methods:
        own = given(config.method_settings[method]) if method in config.method_settings else {}
        cls = settings.method_class(config, method)
        for name, values in trials(config, method).items():
            if name == method:
                continue
            if name in {*config.methods, *config.method_settings}:
                raise LetheError(f"config: search: {name} is a trial's name; rename that method")
            by_name[name] = {**own, "method": cls, **values}
    return by_name
