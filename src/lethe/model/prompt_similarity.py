"""Which prompts are near a set of texts: weighted token counts, clusters and a threshold.

A text is a unit vector over the vocabulary, in which each token has its count times its idf. Tokens
that are in every text, such as a template's, have no weight. GUARD-IT uses MiniLM's sentence
embeddings; these vectors need no model, and rows about one person are similar because they share
that person's name.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist

# How many thresholds are tried (GUARD-IT).
GRID = 200


def counts(ids: torch.Tensor, row: torch.Tensor, rows: int, vocabulary: int) -> torch.Tensor:
    """How often each token occurs in each row, [rows, vocabulary]; ``ids`` and ``row`` are [N]."""
    flat = torch.bincount(row * vocabulary + ids, minlength=rows * vocabulary)
    return flat.view(rows, vocabulary).float()


def count(texts: Sequence[Sequence[int]], vocabulary: int) -> torch.Tensor:
    """How often each token occurs in each tokenised text, [texts, vocabulary]."""
    row = torch.repeat_interleave(torch.tensor([len(text) for text in texts]))
    ids = torch.tensor([token for text in texts for token in text], dtype=torch.long)
    return counts(ids, row, len(texts), vocabulary)


def inverse_frequency(counted: torch.Tensor) -> torch.Tensor:
    """log((1 + n) / (1 + texts with the token)), [vocabulary]: 0 for tokens that all texts have."""
    return ((1 + len(counted)) / (1 + (counted > 0).sum(0))).log()


def vectors(counted: torch.Tensor, idf: torch.Tensor) -> torch.Tensor:
    """Unit vectors of texts, [texts, vocabulary]; zero for a text of tokens without weight."""
    weighted = counted * idf.to(counted.device)
    return weighted / weighted.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def clusters(points: np.ndarray, number: int | None, most: int, seed: int) -> np.ndarray:
    """The cluster of each of ``points`` [n, d] by k-means, [n], numbered from 0 without gaps.

    ``number``: how many clusters; None: the number from 2 to ``most`` with the highest mean
    silhouette.
    """
    distinct = len(np.unique(points, axis=0))
    if number is not None:
        return _kmeans(points, min(number, distinct), seed)
    # The silhouette is undefined if every point is a cluster of its own.
    numbers = range(2, min(most, distinct, len(points) - 1) + 1)
    tried = [_kmeans(points, k, seed) for k in numbers] or [np.zeros(len(points), dtype=int)]
    return max(tried, key=lambda labels: silhouette(points, labels))


def _kmeans(points: np.ndarray, number: int, seed: int) -> np.ndarray:
    _, labels = kmeans2(points, number, minit="++", rng=np.random.default_rng(seed))
    # An empty cluster leaves a gap.
    return np.unique(labels, return_inverse=True)[1]


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean over points of (b - a) / max(a, b) (Rousseeuw 1987): -1 to 1, higher is better.

    a: a point's mean distance to the others of its cluster; b: to the points of the nearest other
    cluster. A point alone in its cluster counts 0; the result is 0 if there is only one cluster.
    """
    number = labels.max() + 1
    if number < 2:
        return 0.0
    member = np.eye(number)[labels]
    size = member.sum(0)
    total = cdist(points, points) @ member
    own = np.arange(len(points)), labels
    a = total[own] / np.maximum(size[labels] - 1, 1)
    means = total / size
    means[own] = np.inf
    b = means.min(1)
    score = (b - a) / np.maximum(np.maximum(a, b), 1e-12)
    return float(np.where(size[labels] > 1, score, 0.0).mean())


def youden(near: np.ndarray, far: np.ndarray, weight: float) -> float:
    """The threshold with the largest share of ``near`` minus ``weight`` times that of ``far``.

    Shares are of values at or above the threshold. Among equally good thresholds it is the middle
    of the first run, as far from both ends as possible.
    """
    grid = np.linspace(0, 1, GRID)
    gain = [(near >= t).mean() - weight * (far >= t).mean() for t in grid]
    best = np.flatnonzero(np.isclose(gain, max(gain)))
    run = best[: np.flatnonzero(np.diff(best, append=best[-1] + 2) > 1)[0] + 1]
    return float(grid[run].mean())
