"""``meta_evaluation``: pools of models on which the metrics themselves are tested."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.pipeline.config.keys import Count, Name, Section, Seed, key

Factors = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]
POOLS = "its `pool_member`; `meta_evaluation` and its table"
TABLE = "`meta_evaluation` and its table"


class MetaEvaluation(Section):
    """Whether metrics are tested, on how many models, and which attacks are compared."""

    enabled: bool = key(False, "whether metrics are tested", "its `pool_member` and the rest")
    positives: Count = key(30, "models with the knowledge", POOLS)
    negatives: Count = key(30, "models without it", POOLS)
    rates: Factors = key(
        [0.5, 0.75, 1.0, 1.5, 2.0],
        "factors of `finetune.lr` that the models of a pool take in turn",
        POOLS,
        "a list of numbers above 0",
    )
    lengths: Factors = key(
        [1.0, 0.5],
        "factors of `finetune.epochs` that they take in turn after that",
        POOLS,
        "a list of numbers above 0",
    )
    seed: Seed = key(7000, "seed of the first model of a pool; the others' follow", POOLS)
    relearning: Name = key("relearned", "the attack by which robustness is tested", TABLE)
    quantization: Name = key("quantised4", "the other such attack", TABLE)
    quantization_ratio: Literal["before_over_after", "after_over_before"] = key(
        "before_over_after", "the ratio that, cut at 1, is the one-sided Q", TABLE
    )
    least_utility: float = key(
        0.8,
        "unlearned models that keep a smaller share of the full model's utility are left out of "
        "robustness",
        TABLE,
        ge=0,
        le=1,
    )
