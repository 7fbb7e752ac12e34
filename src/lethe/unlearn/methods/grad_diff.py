"""Gradient difference: ascend on the forget set, descend on the retain set."""

from lethe.unlearn import method
from lethe.unlearn.methods import grad_ascent


class Method(grad_ascent.Method):
    """L = -CE(forget) + retain_weight * CE(retain) (TOFU, Eq. 4)."""

    settings_class = method.WeightedSettings
