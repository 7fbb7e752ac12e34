"""A gate that opens for prompts near the forget rows; its threshold comes from the questions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lethe.common.strange_pictures import distinct
from lethe.model import prompt_similarity
from lethe.model.prompt_gate import Gated
from lethe.unlearn import visual
from lethe.unlearn.gate_settings import GateSettings
from lethe.unlearn.interface import Supervision


@dataclass
class Gate:
    """``tensors`` of ``prompt_gate.Gated``, or those for pictures (``among``), and ``threshold``.

    ``members``: for each cluster, which forget rows belong to it, [rows].
    """

    tensors: dict[str, torch.Tensor]
    threshold: float
    members: list[np.ndarray]


def calibrated(data: Supervision, model, settings: GateSettings, seed: int) -> Gate:
    """The gate fitted to the tokens of forget and retain rows, as rendered for a model."""
    return of_words(data.forget, data.retain, model, settings, seed)


def of_words(forget: Sequence, retain: Sequence, model, settings: GateSettings, seed: int) -> Gate:
    """The same for tokenised rows of text; without forget rows no prompt passes it."""
    vocabulary = model.get_input_embeddings().num_embeddings
    if not forget:
        idf = torch.zeros(vocabulary)
        tensors = {"idf": idf, "tokens": idf[:0].long(), "centroids": torch.zeros(0, 0)}
        return Gate(tensors, 1.0, [])
    examples = [*forget, *retain]
    return fitted(
        prompt_similarity.count([example.ids for example in examples], vocabulary),
        prompt_similarity.count([e.ids[: e.start] for e in examples], vocabulary),
        len(forget),
        settings,
        seed,
    )


def of_pictures(
    forget: Sequence, retain: Sequence, model, settings: GateSettings, seed: int
) -> Gate:
    """The gate fitted to the pictures of tokenised rows, the first of each row (``among``)."""
    width = model.config.get_text_config().hidden_size
    if not forget:
        return _picture_gate(torch.zeros(width), torch.zeros(0, width), 1.0, [])
    shown = visual.pictures_of([*forget, *retain])
    each = distinct(shown)
    # Not what later layers add (DeepStack): the gate compares inputs.
    embeddings = visual.embeddings_before(model, each)[:, :width].cpu()
    rows = embeddings[[each.index(digest) for digest in shown]]
    return among(rows, len(forget), settings, seed)


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
    members, centroids = _clustered(points[:, tokens], settings, seed)
    gate = Gate({"idf": idf, "tokens": tokens, "centroids": centroids}, 1.0, members)
    gate.threshold = _threshold(Gated(1.0, **gate.tensors).similarity(asked), forget, settings)
    return gate


def among(embeddings: torch.Tensor, forget: int, settings: GateSettings, seed: int) -> Gate:
    """The gate of rows' pictures, ``embeddings`` [rows, H]; the first ``forget`` are gated.

    Its tensors are ``picture_centre``, the mean of all, and ``picture_centroids``: as all pictures
    are alike in what the mean has, only the rest is compared (as with idf for tokens) [RECON].
    """
    centre = embeddings.mean(0)
    points = torch.nn.functional.normalize(embeddings - centre, dim=-1)
    members, centroids = _clustered(points[:forget], settings, seed)
    threshold = _threshold(points @ centroids.T, forget, settings)
    return _picture_gate(centre, centroids, threshold, members)


def _picture_gate(centre, centroids, threshold: float, members: list) -> Gate:
    return Gate({"picture_centre": centre, "picture_centroids": centroids}, threshold, members)


def _clustered(points: torch.Tensor, settings: GateSettings, seed: int):
    """Which of the unit vectors ``points`` [rows, D] each cluster has, and the centroids [K, D]."""
    cluster = prompt_similarity.clusters(
        points.double().numpy(), settings.clusters, settings.most_clusters, seed
    )
    members = [cluster == k for k in range(cluster.max() + 1)]
    means = torch.stack([points[rows].mean(0) for rows in members])
    return members, means / means.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def _threshold(similarity: torch.Tensor, forget: int, settings: GateSettings) -> float:
    """The setting, or what tells the similarity of the first ``forget`` rows from that of others.

    ``similarity`` [rows, K]: to each centroid.
    """
    if settings.threshold is not None:
        return settings.threshold
    closest = similarity.amax(1).numpy()
    return prompt_similarity.youden(closest[:forget], closest[forget:], settings.false_positives)
