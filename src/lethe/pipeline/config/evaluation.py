"""``evaluation``: what of each set is probed, and how long answers may be."""

from lethe.pipeline.config.keys import Count, Section, either, key

COLLECT = "`collect` of every run, then all that is measured"
# The official evaluation's ds_size.
OFFICIAL_ITEMS = 300


class Items(Section):
    """How many items of each set are probed at the most."""

    forget: Count = key(OFFICIAL_ITEMS, "of the forget set", COLLECT)
    retain: Count = key(OFFICIAL_ITEMS, "of the retain set", COLLECT)
    real_authors: Count = key(OFFICIAL_ITEMS, "of the real authors", COLLECT)
    world_facts: Count = key(OFFICIAL_ITEMS, "of the world facts", COLLECT)
    holdout: Count = key(OFFICIAL_ITEMS, "of the holdout authors", COLLECT)


class Evaluation(Section):
    """What is put to every checkpoint."""

    items: either(Count, Items) = key(
        OFFICIAL_ITEMS,
        "items of a set at the most (TOFU: 300); of a set that a mapping does not name, 300",
        COLLECT,
        "1 or more; by set, `{forget: 40, retain: 20}`",
    )
    max_length: int = key(
        80, "tokens of question and generated answer together (TOFU: 200)", "the same", ge=8
    )
    max_new_tokens: Count | None = key(
        None,
        "tokens of the generated answer alone (OpenUnlearning: 200); null: no limit of its own",
        "the same",
    )
    base: bool = key(
        False,
        "whether the base, too, is evaluated, as the model before any author",
        "its `collect` and `score`; tables and figures",
    )
