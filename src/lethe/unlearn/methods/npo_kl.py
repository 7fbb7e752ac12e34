"""NPO with a term that stays close to the original model on the retain set (NPO+KL)."""

from typing import Literal

from lethe.unlearn import method
from lethe.unlearn.methods import npo


class NPOKLSettings(npo.NPOSettings, method.WeightedSettings):
    """The retain term is the KL divergence."""

    retain: Literal["kl"] = "kl"


class Method(npo.Method):
    """L = L_NPO(forget) + retain_weight * KL(original || current) on retain (Zhang et al.)."""

    settings_class = NPOKLSettings
