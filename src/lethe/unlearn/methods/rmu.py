"""RMU: steer a layer's states towards a random direction on the forget set, and only there."""

import random
from typing import Annotated, Literal

from pydantic import Field

from lethe.unlearn import method, retain_terms
from lethe.unlearn.search_space import Range


class RMUSettings(method.WeightedSettings):
    """``steering``: length of the random direction; ``layer``: where the output is steered."""

    steering: Annotated[float, Range(1.0, 20.0, log=True)] = Field(2.0, gt=0)
    retain: Literal["nll", "kl", "embedding"] = "embedding"


class Method(method.Method):
    """L = |h(forget) - steering u|^2 + |h(retain) - h_original(retain)|^2 (Li et al.).

    Means over rows, answer tokens and dimensions; u is drawn once, uniform in [0, 1) in each
    dimension, then scaled to length 1. Passes end at the layer. The paper trains three layers; here
    ``frozen`` says which are left out. open-unlearning compares the states at the answer's tokens,
    not those that predict them.
    """

    kind = "representation"
    paper = "RMU, arXiv 2403.03218"
    answers_forget = False
    settings_class = RMUSettings

    direction = None

    def prepare(self, model, data, seed, how=None):
        import torch

        draw = torch.Generator().manual_seed(random.Random(f"direction/{seed}").getrandbits(63))
        u = torch.rand(model.config.get_text_config().hidden_size, generator=draw)
        self.direction = (self.settings.steering * u / u.norm()).to(model.device)

    def forget(self, model, step, reference):
        hidden = model.hidden(step.forget, self.settings.layer)
        return retain_terms.answer_distance(
            hidden, self.direction, step.forget, self.settings.open_unlearning
        )
