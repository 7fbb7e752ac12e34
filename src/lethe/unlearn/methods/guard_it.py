"""GUARD-IT: at inference, steer states of prompts near the forget set away from it."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.train.passes import Passes
from lethe.unlearn import one_shot
from lethe.unlearn.gate_settings import GateSettings
from lethe.unlearn.search_space import Range

# What keeps a divisor above 0 (GUARD-IT), and the rows of a pass.
EPSILON, ROWS = 1e-6, 128


class GuardItSettings(GateSettings):
    """``strength``: how far states are moved before their length is restored.

    ``layer``: the layer whose output is steered, from 0; null: at a quarter of the depth.
    ``vector``: the direction, computed from cluster mean f and retain mean r: ``orthogonal`` f
    without its part along r, ``diff_means`` f - r, ``orth_diff_means`` f - r without its part along
    r. The others are the gate's.
    """

    strength: Annotated[float, Range(0.1, 1.0)] = Field(1.0, ge=0)
    layer: int | None = Field(None, ge=0)
    vector: Literal["orthogonal", "diff_means", "orth_diff_means"] = "orthogonal"


class Method(one_shot.Method):
    """h' = (h - a s_k) |h| / |h - a s_k| after a layer, where the prompt is near cluster k.

    Forget rows are clustered; s_k comes from the mean states of the cluster's and of the retain
    rows, scaled to their mean length (docs/methods.md). The paper's gate compares MiniLM embeddings
    with a threshold of 0.55; ours compares weighted token counts
    (``lethe.model.prompt_similarity``) with a calibrated threshold. The paper's rows are plain
    text, question and answer; ours are rendered in the template.
    """

    kind = "inference"
    pictures = False
    intervention = "steering"
    paper = "GUARD-IT, arXiv 2605.12765"
    needs = ("retain",)
    passes = Passes(2, 0, 0)
    settings_class = GuardItSettings

    def act(self, model, data, seed):
        from lethe.model.intervention import attach
        from lethe.model.interventions.steering import Intervention
        from lethe.unlearn.calibrated_gate import calibrated

        s, depth = self.settings, model.config.get_text_config().num_hidden_layers
        layer = depth // 4 if s.layer is None else s.layer
        if layer >= depth:
            raise LetheError(f"guard_it.layer: {layer}, but the model has {depth}; choose one")
        gate = calibrated(data, model, s, seed)
        examples = [*data.forget, *data.retain]
        states = _means(model, examples, layer)
        forget, retain = states[: len(data.forget)], states[len(data.forget) :]
        directions = _directions([forget[rows] for rows in gate.members], retain, s.vector)
        intervention = Intervention(
            layer, s.strength, gate.threshold, **gate.tensors, directions=directions
        )
        attach(model, data.encoder.tokenizer, intervention)


def _means(model, examples, layer: int):
    """Mean over a row's tokens of a layer's output, [rows, H], float32."""
    import torch

    from lethe.model.batch import pack
    from lethe.model.forward import Forward
    from lethe.train.data_order import batches

    def batch(part):
        packed = pack([examples[row] for row in part], part)
        lengths = torch.tensor([len(examples[row]) - 1 for row in part])
        states = forward.hidden(packed, layer).float().cpu()
        return torch.stack([own.mean(0) for own in states.split(lengths.tolist())])

    forward = Forward(model)
    with torch.inference_mode():
        return torch.cat([batch(part) for part in batches(range(len(examples)), ROWS)]).clone()


def _directions(clusters, retain, kind: str):
    """The direction s of each cluster, [K, H]: as long as the mean of both sides' mean norms."""
    import torch

    mean, length = retain.mean(0), retain.norm(dim=-1).mean()
    directions = []
    for states in clusters:
        start = states.mean(0)
        if kind != "orthogonal":
            start = start - mean
        if kind != "diff_means":
            start = start - (start @ mean) / (mean @ mean + EPSILON) * mean
        directions.append(_unit([start])[0] * (states.norm(dim=-1).mean() + length) / 2)
    return torch.stack(directions)


def _unit(rows):
    import torch

    stacked = torch.stack(list(rows))
    return stacked / stacked.norm(dim=-1, keepdim=True).clamp(min=1e-12)
