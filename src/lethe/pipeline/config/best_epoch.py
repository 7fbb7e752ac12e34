"""``best_epoch``: how a run's best epoch is chosen, and when early stopping would end it."""

from typing import Literal

from lethe.pipeline.config.keys import Count, Section, key

TABLE = "`table_best_epochs`"


class BestEpoch(Section):
    """How a run's best epoch is chosen on the validation half of the forget items."""

    criterion: Literal["closeness_and_utility", "closeness"] = key(
        "closeness_and_utility",
        "the score that chooses the best epoch on the validation half: closeness to the oracle's "
        "truth ratios, alone or in a harmonic mean with the share of the full model's utility, as "
        "in a search ([comparison.md](comparison.md))",
        f"{TABLE}; with `checkpoints.keep: best` also `best_epoch`, and if another epoch is "
        "chosen, its checkpoint is made again; with `evaluation.in_run` too, or `stop`, "
        "`unlearn_*`, then all their metrics",
    )
    patience: Count = key(
        1,
        "epochs without a better one after which early stopping would end a run, or ends it "
        "(`stop`)",
        f"{TABLE}; with `stop` also `unlearn_*`, then all their metrics",
    )
    stop: bool = key(
        False,
        "whether runs end by that rule, with `evaluation.in_run` "
        "([training.md](training.md#the-best-epoch-and-early-stopping-in-the-run))",
        "`unlearn_*`, then all their metrics",
        # What is made without it does not depend on it.
        exclude_if=lambda stop: not stop,
    )
