"""``search``: which methods' search spaces are searched, and how."""

from typing import Annotated, Any

from pydantic import Field

from lethe.pipeline.config.keys import Count, Name, Names, Section, key, unique

OF_CHAINS = "all trials but the first of what is not drawn at once; what ranks them"


class Search(Section):
    """``trials`` for each of ``methods``; the first is the method as it is configured.

    ``strategies``: a study, in which each searches all methods of ``over`` at once.
    """

    methods: Names = key(
        [], "methods whose search spaces are searched ([comparison.md](comparison.md))"
    )
    trials: Annotated[int, Field(ge=2, le=1000)] = key(
        4, "trials of each method, and of each strategy of a study"
    )
    strategy: Name = key(
        "random",
        "how trials of `methods` are proposed ([search.md](search.md))",
        allowed="a file of `src/lethe/pipeline/strategies/`",
    )
    seed: Annotated[int, Field(ge=0)] = key(0, "seed of the draws")
    batch: Count = key(
        4, "trials that are proposed together, from the results of those before", OF_CHAINS
    )
    epochs: unique(Annotated[int, Field(ge=1, le=1000)]) = key(
        [], "numbers of epochs that are tried besides the configured one", OF_CHAINS
    )
    wrappers: list[dict[str, dict[str, Any]]] = key(
        [],
        "wrappers that are tried besides the configured ones",
        OF_CHAINS,
        "a list of mappings, as `[{gru: {}}, {sam: {radius: 0.01}}]`",
    )
    strategy_settings: dict[str, dict[str, Any]] = key(
        {},
        "by name, settings of a strategy ([search.md](search.md))",
        OF_CHAINS,
        "a mapping, as `greedy: {width: 0.2}`",
    )
    strategies: Names = key(
        [],
        "strategies that are compared in a study",
        "its trials; `search_X_rN`, `table_strategies`",
        "a list of names; may be empty",
    )
    over: Names = key(
        [],
        "the methods that trials of a study choose from; the first, as configured, is the start",
        "the study",
        "a list of methods; may be empty without `strategies`",
    )
    repeats: Count = key(
        1, "searches of each strategy of a study, with other draws", "those that are new"
    )
