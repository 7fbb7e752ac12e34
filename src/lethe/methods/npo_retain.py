"""NPO with a retain term (NPO+RT, also called NPO+GD)."""

from pydantic import Field

from lethe.methods import npo


class Settings(npo.Settings):
    """NPO's settings and the weight of the retain term."""

    retain_weight: float = Field(1.0, ge=0)


class Method(npo.Method):
    """L = L_NPO(forget) + retain_weight * CE(retain) (Zhang et al., section 3)."""

    needs = ("reference_nll", "retain")
    Settings = Settings

    def loss(self, model, step, reference):
        retain = model.answers(step.retain).mean_nll()
        return super().loss(model, step, reference) + self.settings.retain_weight * retain
