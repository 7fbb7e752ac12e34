"""NPO with a retain term (NPO+RT, also called NPO+GD)."""

from lethe.methods import base, npo


class Settings(npo.Settings, base.Weighted):
    """NPO's settings and those of the retain term."""


class Method(npo.Method):
    """L = L_NPO(forget) + retain_weight * CE(retain) (Zhang et al., section 3)."""

    Settings = Settings
