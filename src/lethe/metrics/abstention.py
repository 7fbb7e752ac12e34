"""Abstention: the share of answers that say that the model does not know (SEAT, arXiv 2506.14387).

An answer abstains if it contains a phrase of ignorance. The share is taken over questions about
forgotten authors (``forget``), known ones (``retain``) and ones that no model has seen
(``holdout``). A model that never learned something treats it as it treats the never-seen; so

    forget_minus_holdout    above 0: forgotten authors are refused more than unknown ones are

tells trained refusal from not knowing. Setting ``phrases``: the phrases, with ``|`` between them;
``tofu`` stands for those of TOFU's refusals.
"""

import numpy as np

from lethe.common.refusals import is_refusal, phrases
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "answers"
SETS = ("forget", "retain", "holdout")
SETTINGS = {"phrases": {"default": "tofu"}}
CHECKS = {"phrases": "lethe.common.refusals.check_phrases"}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items of the three sets, items 0 or 1; LetheError without a set."""
    among = phrases(inputs.settings["phrases"])
    return [_checkpoint(inputs, checkpoint, among) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, among: list[str]) -> CheckpointValues:
    said = {name: column_of(inputs, checkpoint, name, "generation") for name in SETS}
    items = {
        name: [float(is_refusal(text, among)) for text in texts] for name, texts in said.items()
    }
    values = {name: float(np.mean(some)) for name, some in items.items()}
    values["forget_minus_holdout"] = values["forget"] - values["holdout"]
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)
