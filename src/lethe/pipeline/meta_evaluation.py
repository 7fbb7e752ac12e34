"""Whether a configuration can test its own metrics (``meta_evaluation``)."""

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.pipeline import splits
from lethe.pipeline.config.config import Config

UTILITY = "model_utility"


def check(config: Config) -> None:
    """LetheError, one line, if an attack, the utility or a run to attack is missing."""
    chosen = config.meta_evaluation
    if not chosen.enabled:
        return
    for key in ("relearning", "quantization"):
        name = getattr(chosen, key)
        if name not in config.attacks:
            raise LetheError(
                f"config: meta_evaluation.{key}: {name} is not among attacks; add it there"
            )
    for name in config.metrics:
        lacking = [one.name for one in splits.of_config(config).values() if splits.lacks(name, one)]
        if metrics.contract(name).oracles or lacking:
            raise LetheError(
                f"config: meta_evaluation: cannot test {name}, which needs splits with more rows "
                "or oracles; leave it out of metrics"
            )
    if UTILITY not in config.metrics:
        raise LetheError(
            f"config: meta_evaluation: leaves out models by their {UTILITY}; add it to metrics"
        )
    if not (config.methods if config.attack_methods is None else config.attack_methods):
        raise LetheError(
            "config: meta_evaluation: robustness is measured on unlearned models, but none is "
            "attacked; "
            "list some under methods, and under attack_methods if that is set"
        )
    for name in config.models:
        model = config.model_settings[name]
        if model.full_checkpoint is not None or model.oracle_checkpoints:
            raise LetheError(
                f"config: meta_evaluation: the pools of {name} are trained from its base, but its "
                "full model or an oracle is given; set full_checkpoint to null and "
                "oracle_checkpoints to {}"
            )
