"""Latent adversarial training: forget even where an attack shifts the states of the question."""

from typing import Annotated

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.train.passes import Passes
from lethe.unlearn import wrapper
from lethe.unlearn.latent.settings import AttackSettings
from lethe.unlearn.search_space import Range


class LATSettings(wrapper.WrapperSettings, AttackSettings):
    """The settings of the attack, by default those of the paper's code on WMDP, but for the radius.

    That code shifts layer 7 of 32 (Zephyr-7B) by at most 2 (``radius_of: absolute``), 16 steps of
    AdamW with a rate of 0.05: at a width of 4096 the first is 1.6 radii long.
    """

    radius: Annotated[float, Range(0.01, 0.5, log=True)] = Field(0.05, gt=0)


class Wrapper(wrapper.Wrapper):
    """The method's loss under d* = argmin_{|d| <= radius} CE(forget answers; h + d).

    h is a layer's output at each token of the forget questions; the shift d is found anew on every
    batch, against the weights as they are, and applies to the same questions with other answers
    too. Retain rows are not shifted (Sheshadri et al., Eq. 2 to 4: the attack steers towards what
    is to be unlearned, the method away from it). The paper's second term of the attack, away from a
    harmless answer, and its several steps of training for each attack are left out.
    """

    kind = "loss"
    paper = "Latent adversarial training, arXiv 2407.15549"
    inner_gradients = True
    settings_class = LATSettings

    def check(self, method, name):
        if len(method.inner_steps) > 1:
            raise LetheError(f"{name}: {method.name} takes steps of several kinds; leave lat out")
        if hasattr(method.settings, "attack_steps"):
            raise LetheError(f"{name}: {method.name} has an attack of its own; leave lat out")
        if method.settings.gradient.name != "backpropagation":
            raise LetheError(
                f"{name}: needs exact gradients; set gradient to backpropagation, or leave lat out"
            )
        for other in method.wrappers:
            if other.name in ("sam", "pcgrad"):
                raise LetheError(
                    f"{name}: {other.name} differentiates the terms without the attack; leave "
                    "one of the two out"
                )

    def of_loss(self, method, passes):
        return passes + Passes().times(self.settings.attack_steps)

    def forward(self, model, step, reference):
        from lethe.unlearn.latent import attack

        shift = attack.find(model.model, step.forget, self.settings)
        batches = [batch for batch in (step.forget, step.alternate) if batch is not None]
        return attack.Shifted(model.model, shift, batches)
