"""NPO with a retain term (NPO+RT, also called NPO+GD)."""

from lethe.unlearn import method
from lethe.unlearn.methods import npo


class NPORetainSettings(npo.NPOSettings, method.WeightedSettings):
    """The settings of NPO and of the retain term."""


class Method(npo.Method):
    """L = L_NPO(forget) + retain_weight * CE(retain) (Zhang et al., section 3)."""

    settings_class = NPORetainSettings
