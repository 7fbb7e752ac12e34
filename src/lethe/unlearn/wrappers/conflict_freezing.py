"""Conflict freezing: freeze the layers in which a run would undo the previous run."""

import copy
import logging
import random
import re
from typing import Literal

from pydantic import Field

from lethe.train.execution import Execution
from lethe.unlearn import wrapper


class ConflictFreezingSettings(wrapper.WrapperSettings):
    """``share``: the share of the decoder's layers to freeze, those with the highest scores.

    ``pilot_epochs``: epochs of the short run that yields the scores; ``components``: dimensions of
    the bases whose overlap is measured; ``probe``: whether a layer's output is read at the tokens
    of answers or at a prompt's last token, as in the paper's code. ``choice``: ``random`` freezes
    as many layers drawn by the run's seed, the control that guided freezing must beat.
    """

    share: float = Field(0.25, gt=0, lt=1)
    pilot_epochs: int = Field(1, ge=1)
    components: int = Field(8, ge=1)
    probe: Literal["answer", "prompt_end"] = "answer"
    choice: Literal["conflict", "random"] = "conflict"


class Wrapper(wrapper.Wrapper):
    """Freeze the layers with the highest conflict C = overlap * max(0, -a), then run.

    With weights W0 before the first run, W1 at its end and the start of this one, and W2 at the end
    of a pilot of this one: a = cos(W1 - W0, W2 - W1) over all of a layer's weights, and overlap =
    |U1' U2|^2 / k, U1 and U2 the k leading directions of the changes that the first run and the
    pilot make to the layer's output on the rows that the first run was about, where they are
    known, else on the forget rows (“Defenses at Odds” [RECON]; the changes are not centred). Layers
    without conflict are not frozen.
    """

    kind = "freezing"
    paper = "Defenses at Odds, arXiv 2605.14514"
    needs = ("before", "before_rows")
    whole_weights = True
    settings_class = ConflictFreezingSettings

    def around(self, run):
        def guided(method, model, data, seed, report, how=None):
            s, how, pilot = self.settings, how or Execution(), copy.deepcopy(model)
            short = method.changed(epochs=s.pilot_epochs)
            # A resumed run repeats the pilot, with the same result.
            own = how.named(f"{how.name}.pilot")
            for _ in run(short, pilot, data, seed, lambda *_: None, own):
                pass
            before = data.before().to(model.device)
            rows = data.extras.get("before_rows") or data.forget
            scores = conflicts(before, model, pilot, rows, s.components, s.probe)
            del before, pilot
            chosen = highest(scores, s.share)
            if s.choice == "random":
                chosen = drawn(scores, len(chosen), seed)
            logging.getLogger("lethe").info("conflict_freezing: freezes %s", chosen or "nothing")
            frozen = [*method.settings.frozen, *(f"^{re.escape(name)}\\." for name in chosen)]
            yield from run(method.changed(frozen=frozen), model, data, seed, report, how)

        return guided


def highest(scores: dict[str, float], share: float) -> list[str]:
    """Names of the ``share`` of layers (at least one) with the highest scores, if above 0."""
    count = max(1, round(share * len(scores)))
    order = sorted(scores, key=lambda name: -scores[name])
    return [name for name in order[:count] if scores[name] > 0]


def drawn(layers, count: int, seed: int | str) -> list[str]:
    """``count`` of the layers, drawn by the seed, in their order."""
    chosen = random.Random(f"random freezing/{seed}").sample(list(layers), count)
    return [name for name in layers if name in chosen]


def conflicts(
    before, start, pilot, examples: list, components: int, probe: str = "answer"
) -> dict[str, float]:
    """The score of each decoder layer, by name, from the models before, between and after."""
    from lethe.model.layer_changes import alignment, layers_by_name, overlap, shifts

    first = shifts(before, start, examples, probe)
    second = shifts(start, pilot, examples, probe)
    layers = [layers_by_name(model) for model in (before, start, pilot)]
    return {
        name: overlap(first[name], second[name], components)
        * max(0.0, -alignment(*(some[name] for some in layers)))
        for name in first
    }
