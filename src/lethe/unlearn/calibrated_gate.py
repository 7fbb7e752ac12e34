"""A gate that opens for prompts near the forget rows; its threshold comes from the questions."""

from dataclasses import dataclass

import numpy as np
import torch

from lethe.model import prompt_similarity
from lethe.model.prompt_gate import Gated
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
    """The gate fitted to the tokens of forget and retain rows, as rendered for a model."""
    vocabulary = model.get_input_embeddings().num_embeddings
    examples = [*data.forget, *data.retain]
    return fitted(
        prompt_similarity.count([example.ids for example in examples], vocabulary),
        prompt_similarity.count([e.ids[: e.start] for e in examples], vocabulary),
        len(data.forget),
        settings,
        seed,
    )


def fitted(
    counted: torch.Tensor, asked: torch.Tensor, forget: int, settings: GateSettings, seed: int
) -> Gate:
    """The gate of rows with token counts ``counted`` [rows, V]; the first ``forget`` are gated.

    Counts are weighted by idf, the forget rows clustered by k-means. The threshold follows from the
    counts of the questions alone, ``asked`` [rows, V].
    """
    idf = prompt_similarity.inverse_frequency(counted)
    points = prompt_similarity.vectors(counted[:forget], idf)
    tokens = (points > 0).any(0).nonzero()[:, 0]
    points = points[:, tokens]
    cluster = prompt_similarity.clusters(
        points.double().numpy(), settings.clusters, settings.most_clusters, seed
    )
    members = [cluster == k for k in range(cluster.max() + 1)]
    means = torch.stack([points[rows].mean(0) for rows in members])
    centroids = means / means.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    gate = Gate({"idf": idf, "tokens": tokens, "centroids": centroids}, 1.0, members)
    if settings.threshold is None:
        nearest = Gated(1.0, **gate.tensors).similarity(asked).amax(1).numpy()
        gate.threshold = prompt_similarity.youden(
            nearest[:forget], nearest[forget:], settings.false_positives
        )
    else:
        gate.threshold = settings.threshold
    return gate
