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
    intervention = "steering"
    paper = "GUARD-IT, arXiv 2605.12765"
    needs = ("retain",)
    passes = Passes(2, 0, 0)
    settings_class = GuardItSettings

    def act(self, model, data, seed):
        from lethe.model.intervention import attach
        from lethe.model.interventions.steering import Intervention
        from lethe.unlearn import calibrated_gate, visual

        layer = self._layer(model)
        if any(visual.pictures_of([*data.forget, *data.retain])):
            intervention = self._of_pictures(model, data, layer, seed)
        else:
            gate = calibrated_gate.calibrated(data, model, self.settings, seed)
            intervention = Intervention(
                layer,
                self.settings.strength,
                gate.threshold,
                **gate.tensors,
                directions=self._away(model, data.forget, data.retain, gate, layer),
            )
        attach(model, data.encoder.tokenizer, intervention)

    def _layer(self, model) -> int:
        depth, layer = model.config.get_text_config().num_hidden_layers, self.settings.layer
        layer = depth // 4 if layer is None else layer
        if layer >= depth:
            raise LetheError(f"guard_it.layer: {layer}, but the model has {depth}; choose one")
        return layer

    def _of_pictures(self, model, data, layer, seed):
        """The intervention with two gates, each fitted to the rows that it will judge."""
        import torch

        from lethe.model.interventions.picture_steering import Intervention
        from lethe.unlearn import calibrated_gate

        s, (texts, pictured) = self.settings, _separated(data)
        words = calibrated_gate.of_words(*texts, model, s, seed)
        pictures = calibrated_gate.of_pictures(*pictured, model, s, seed)
        directions = [
            self._away(model, *rows, gate, layer)
            for rows, gate in ((texts, words), (pictured, pictures))
            if gate.members
        ]
        return Intervention(
            layer,
            s.strength,
            words.threshold,
            pictures.threshold,
            **words.tensors,
            **pictures.tensors,
            directions=torch.cat(directions),
        )

    def _away(self, model, forget, retain, gate, layer: int):
        """The directions of a gate's clusters of forget rows, [K, H]."""
        states = _means(model, [*forget, *retain], layer)
        own, others = states[: len(forget)], states[len(forget) :]
        return _directions([own[rows] for rows in gate.members], others, self.settings.vector)


def _separated(data):
    """Forget and retain rows without pictures, and those with.

    LetheError if there are forget rows of a kind, but no retain rows of it.
    """
    from lethe.unlearn import visual

    parts = []
    for name, wanted in (("no picture", False), ("a picture", True)):
        forget, retain = (
            [
                row
                for row, shown in zip(rows, visual.pictures_of(rows), strict=True)
                if (shown is not None) == wanted
            ]
            for rows in (data.forget, data.retain)
        )
        if forget and not retain:
            raise LetheError(
                f"guard_it: forget rows with {name}, but no such retain row, from which its gate "
                "must tell them; add retain rows, or leave the method out"
            )
        parts.append((forget, retain))
    return parts


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
