"""The trials of a search: methods of their own, with settings drawn from declared ranges."""

import random
from collections.abc import Mapping
from typing import Any

from lethe.analysis.search_ranking import Search
from lethe.common.errors import LetheError
from lethe.pipeline.config import check as settings
from lethe.unlearn.method import validated
from lethe.unlearn.search_space import declared, drawn

# What trials are ranked by.
METRICS = ("truth_ratio", "model_utility")


def settings_of(config: Mapping[str, Any]) -> Search:
    """The search of a configuration, checked."""
    chosen = validated(Search, config["search"], "search")
    for metric in METRICS if chosen.methods else ():
        if metric not in config["metrics"]:
            raise LetheError(f"config: search: trials are ranked by {metric}; add it to metrics")
    return chosen


def trial_name(method: str, number: int) -> str:
    return f"{method}_trial{number}"


def trials(config: Mapping[str, Any], method: str) -> dict[str, dict[str, Any]]:
    """What each trial of a method sets, by the trial's name.

    Drawn from the seed and the method's name alone: more trials leave the first as they are.
    """
    chosen = settings_of(config)
    configured = settings.method(config, method).settings
    ranges = declared(type(configured))
    if not ranges:
        raise LetheError(f"config: search.methods: {method} declares no ranges; leave it out")
    rng = random.Random(f"search/{chosen.seed}/{method}")
    # The method's own run, where there is one, is the first.
    first = method if method in config["methods"] else trial_name(method, 0)
    found: dict[str, dict[str, Any]] = {first: {}}
    for number in range(1, chosen.trials):
        shares = [rng.random() for _ in ranges]
        found[trial_name(method, number)] = drawn(ranges, configured, shares)
    return found


def all_trials(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``method_settings`` of all trials, by name; a name that is taken is a LetheError."""
    found = {}
    for method in settings_of(config).methods:
        own = config["method_settings"].get(method, {})
        cls = settings.method_class(config, method)
        for name, values in trials(config, method).items():
            if name == method:
                continue
            if name in {*config["methods"], *config["method_settings"]}:
                raise LetheError(f"config: search: {name} is a trial's name; rename that method")
            found[name] = {**own, "method": cls, **values}
    return found
