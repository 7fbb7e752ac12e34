"""Search strategies, one file each, found by name: a class ``Strategy`` (``pipeline.strategy``)."""

from collections.abc import Mapping
from typing import Any

from lethe.common.registry import Registry
from lethe.pipeline.strategy import Strategy

STRATEGIES = Registry(__name__, "strategy")
names, module = STRATEGIES.names, STRATEGIES.module


def load(name: str, given: Mapping[str, Any] | None = None, place: str = "strategy") -> Strategy:
    """A strategy with its settings; LetheError for an unknown name or a wrong setting."""
    return STRATEGIES.load(name, place).Strategy(given, f"{place}_settings.{name}")
