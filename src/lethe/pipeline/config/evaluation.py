"""``evaluation``: how many items of each set are probed, and how long answers may be."""

from typing import Literal

from lethe.pipeline.config.keys import Count, Section, either, key

COLLECT = "`collect` of every run, then all its metrics"
# The official evaluation's ds_size.
OFFICIAL_ITEMS = 300


class Items(Section):
    """The largest number of items of each set that are probed."""

    forget: Count = key(OFFICIAL_ITEMS, "of the forget set", COLLECT)
    retain: Count = key(OFFICIAL_ITEMS, "of the retain set", COLLECT)
    real_authors: Count = key(OFFICIAL_ITEMS, "of the real authors", COLLECT)
    world_facts: Count = key(OFFICIAL_ITEMS, "of the world facts", COLLECT)
    holdout: Count = key(OFFICIAL_ITEMS, "of the holdout authors", COLLECT)


class Evaluation(Section):
    """How every checkpoint is evaluated."""

    items: either(Count, Items) = key(
        OFFICIAL_ITEMS,
        "at most this many items of each set (TOFU: 300); 300 for sets missing in a mapping",
        COLLECT,
        "1 or more; by set, `{forget: 40, retain: 20}`",
    )
    max_length: int = key(
        80, "tokens of question and generated answer together (TOFU: 200)", "the same", ge=8
    )
    max_new_tokens: Count | None = key(
        None,
        "tokens of the generated answer alone (OpenUnlearning: 200); null: no separate limit",
        "the same",
    )
    base: bool = key(
        False,
        "whether the base, which has seen no author yet, is evaluated as well",
        "its `collect` and `score`; tables and figures",
    )
    epochs: Literal["all", "last"] = key(
        "all",
        "which epochs of a run are evaluated: all, or only the last (for expensive suites)",
        "`collect` and `score` of methods; tables and figures",
    )
    in_run: bool = key(
        False,
        "whether epochs that `checkpoints.keep` (`last`, `best`, `none`) drops are evaluated by "
        "the job that trains, and never written ([training.md](training.md#evaluation-in-the-run))",
        "with such a policy `unlearn_*`, then all their metrics",
    )
