"""A gate that lets prompts near the forget rows pass, with a threshold from the questions."""

from dataclasses import dataclass

import numpy as np
import torch

from lethe.model import prompt_similarity
from lethe.unlearn.gate_settings import GateSettings
from lethe.unlearn.interface import Supervision


@dataclass
class Gate:
    """``tensors`` of ``lethe.model.prompt_gate.Gated``, and ``threshold``.

    ``members``: for each cluster, which forget rows belong to it, [rows].
    """

    tensors: dict[str, torch.Tensor]
    threshold: float
    members: list[np.ndarray]


def calibrated(data: Supervision, model, settings: GateSettings, seed: int) -> Gate:
    """The gate of forget and retain rows: token counts weighted by idf, clustered by k-means."""
    from lethe.model.prompt_gate import Gated

    vocabulary = model.get_input_embeddings().num_embeddings
    examples = [*data.forget, *data.retain]
    counted = prompt_similarity.count([example.ids for example in examples], vocabulary)
    idf = prompt_similarity.inverse_frequency(counted)
    points = prompt_similarity.vectors(counted[: len(data.forget)], idf)
    tokens = (points > 0).any(0).nonzero()[:, 0]
    points = points[:, tokens]
    cluster = prompt_similarity.clusters(
        points.double().numpy(), settings.clusters, settings.most_clusters, seed
    )
    members = [cluster == k for k in range(cluster.max() + 1)]
    means = torch.stack([points[rows].mean(0) for rows in members])
    centroids = means / means.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    gate = Gate({"idf": idf, "tokens": tokens, "centroids": centroids}, 1.0, members)
    gate.threshold = settings.threshold
    if gate.threshold is None:
        gate.threshold = _threshold(Gated(1.0, **gate.tensors), data, vocabulary, settings)
    return gate


def _threshold(gated, data: Supervision, vocabulary: int, settings: GateSettings) -> float:
    """The threshold, calibrated on the questions of forget and retain rows as asked."""

    def nearest(examples):
        asked = prompt_similarity.count([e.ids[: e.start] for e in examples], vocabulary)
        return gated.similarity(asked).amax(1).numpy()

    return prompt_similarity.youden(
        nearest(data.forget), nearest(data.retain), settings.false_positives
    )
