"""AdLIRA: LIRA under an attack on the states of the question."""

from pydantic import Field

from lethe.unlearn.latent.settings import AttackSettings
from lethe.unlearn.methods import lira


class AdLIRASettings(lira.LIRASettings, AttackSettings):
    """The settings of LIRA and of the attack."""

    attack_steps: int = Field(4, ge=1)


class Method(lira.Method):
    """LIRA's loss under the shift of the forget questions' states that makes the answers likeliest.

    On every batch the attack is found first, against the weights as they are; then LIRA's step is
    taken under it (2604.10403). Retain rows are not attacked. The attack's size, layer and number
    of steps were not available: they are ours [RECON].
    """

    paper = "LIRA, arXiv 2604.10403"
    settings_class = AdLIRASettings

    def _passes(self):
        from lethe.train.passes import Passes

        self.passes = Passes().times(1 + self.settings.attack_steps)
        return super()._passes()

    def forget(self, model, step, reference):
        from lethe.unlearn.latent import attack

        shift = attack.find(model.model, step.forget, self.settings)
        shifted = attack.Shifted(model.model, shift, [step.alternate])
        return super().forget(shifted, step, reference)
