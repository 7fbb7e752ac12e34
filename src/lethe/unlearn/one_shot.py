"""Methods that act once, without training: by an intervention or an edit in closed form."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from lethe.common.errors import LetheError
from lethe.train.passes import Passes
from lethe.unlearn import method


class OneShotSettings(BaseModel):
    """Settings of a method without a schedule: none; a method's own class adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Method(method.Method):
    """A method with a single checkpoint, at epoch 1 and step 1.

    A subclass sets ``kind``, ``paper``, ``settings_class`` and ``needs``, and defines ``act``;
    ``passes`` are those of the whole run, for a batch as large as the forget set.
    """

    passes = Passes(0, 0, 0)
    settings_class = OneShotSettings
    epochs = 1

    def __init__(self, settings=None, name="method"):
        self.name, self.wrappers = name, []
        self.settings = method.validated(type(self).settings_class, settings or {}, name)

    def act(self, model, data: method.Supervision, seed: int) -> None:
        """Edit ``model`` in place, or attach an intervention (``lethe.model.interventions``)."""
        raise LetheError(f"{type(self).__module__}: a method that acts once defines act()")

    def run(self, model, data, seed, report=lambda step, steps, loss: None, how=None):
        self.act(model, data, seed)
        report(1, 1, None)
        yield 1, 1
