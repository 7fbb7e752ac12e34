"""Conflict freezing: freeze the layers in which a run would undo the previous run."""

import copy
import logging
import re

from pydantic import Field

from lethe.train.execution import Execution
from lethe.unlearn import wrapper


class ConflictFreezingSettings(wrapper.WrapperSettings):
    """``share``: the share of the decoder's layers to freeze, those with the highest scores.

    ``pilot_epochs``: epochs of the short run that yields the scores; ``components``: dimensions of
    the bases whose overlap is measured.
    """

    share: float = Field(0.25, gt=0, lt=1)
    pilot_epochs: int = Field(1, ge=1)
    components: int = Field(8, ge=1)


class Wrapper(wrapper.Wrapper):
    """Freeze the layers with the highest conflict C = overlap * max(0, -a), then run.

    With weights W0 before the first run, W1 at its end and the start of this one, and W2 at the end
    of a pilot of this one: a = cos(W1 - W0, W2 - W1) over all of a layer's weights, and overlap =
    |U1' U2|^2 / k, U1 and U2 the k leading directions of the changes that the first run and the
    pilot make to the layer's output on the forget answers' tokens (“Defenses at Odds” [RECON]; the
    changes are not centred). Layers without conflict are not frozen.
    """

    kind = "freezing"
    paper = "Defenses at Odds, arXiv 2605.14514"
    needs = ("before",)
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
            scores = conflicts(before, model, pilot, data.forget, s.components)
            del before, pilot
            chosen = highest(scores, s.share)
            logging.getLogger("lethe").info("conflict_freezing: freezes %s", chosen or "nothing")
            frozen = [*method.settings.frozen, *(f"^{re.escape(name)}\\." for name in chosen)]
            yield from run(method.changed(frozen=frozen), model, data, seed, report, how)

        return guided


def highest(scores: dict[str, float], share: float) -> list[str]:
    """Names of the ``share`` of layers (at least one) with the highest scores, if above 0."""
    count = max(1, round(share * len(scores)))
    order = sorted(scores, key=lambda name: -scores[name])
    return [name for name in order[:count] if scores[name] > 0]


def conflicts(before, start, pilot, examples: list, components: int) -> dict[str, float]:
    """The score of each decoder layer, by name, from the models before, between and after."""
    first = _shifts(before, start, examples)
    second = _shifts(start, pilot, examples)
    scores = {}
    for name in first:
        a = alignment(*(dict(m.named_modules())[name] for m in (before, start, pilot)))
        scores[name] = overlap(first[name], second[name], components) * max(0.0, -a)
    return scores


def alignment(before, start, pilot) -> float:
    """Cosine of two changes of a module's weights, each as one vector; 0 if either is 0."""
    both = first = second = 0.0
    for zero, one, two in zip(
        before.parameters(), start.parameters(), pilot.parameters(), strict=True
    ):
        u, v = (one - zero).detach().double(), (two - one).detach().double()
        both += float((u * v).sum())
        first += float(u.square().sum())
        second += float(v.square().sum())
    return both / (first * second) ** 0.5 if first and second else 0.0


def overlap(first, second, components: int) -> float:
    """|U1' U2|^2 / k, in [0, 1], for the k leading directions of two matrices [rows, H]."""
    import torch

    bases = []
    for rows in (first, second):
        _, values, directions = torch.linalg.svd(rows.double(), full_matrices=False)
        bases.append(directions[values > 1e-12 * values[0]][:components])
    k = min(len(u) for u in bases)
    return float((bases[0][:k] @ bases[1][:k].T).square().sum()) / k if k else 0.0


def _shifts(before, after, examples: list) -> dict:
    """Differences between two models' layer outputs at the answers' tokens, [N, H], by name."""
    old, new = (_outputs(model, examples) for model in (before, after))
    return {name: new[name] - old[name] for name in old}


def _outputs(model, examples: list, rows: int = 16) -> dict:
    """Output of each decoder layer at the tokens that predict an answer's, [N, H]."""
    import torch

    from lethe.model import plain_rows
    from lethe.model.batch import pack, to_device
    from lethe.model.forward import decoder_layers, hidden_states
    from lethe.train.data_order import batches

    inner = {id(layer) for layer in decoder_layers(model)}
    layers = {name: m for name, m in model.named_modules() if id(m) in inner}
    outputs = {name: [] for name in layers}
    parts = {name: [] for name in layers}

    def keep(name):
        def hook(layer, inputs, output):
            states = output[0] if isinstance(output, tuple) else output
            parts[name].append(plain_rows.at_tokens(states))

        return hook

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    try:
        model.eval()
        with torch.no_grad():
            for part in batches(range(len(examples)), rows):
                batch = to_device(pack([examples[i] for i in part]), model.device)
                hidden_states(model, batch)
                for name, some in parts.items():
                    outputs[name].append(plain_rows.joined(some)[batch.predictors])
                    some.clear()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(states) for name, states in outputs.items()}
