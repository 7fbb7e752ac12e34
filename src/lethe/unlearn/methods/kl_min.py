"""KL minimisation: ascend on the forget set, stay close to the original model on the retain set."""

from typing import Literal

from lethe.unlearn import method
from lethe.unlearn.methods import grad_ascent


class KLMinSettings(method.WeightedSettings):
    """The retain term is the KL divergence, with weight 1 in TOFU."""

    retain: Literal["kl"] = "kl"


class Method(grad_ascent.Method):
    """L = -CE(forget) + retain_weight * KL(original || current) on retain (TOFU, Eq. 6).

    The divergence is a mean over all tokens of the retain sequences, prompts included, as in the
    paper; the official code also averages over padding up to 500 tokens.
    """

    settings_class = KLMinSettings
