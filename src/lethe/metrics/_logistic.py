"""Logistic regression with L2 penalty, scikit-learn's with C = 1: convex, by Newton's method."""

import numpy as np

# Steps of Newton's method, which needs few, and the gradient at which it has converged.
STEPS, SMALLEST = 100, 1e-10


def cross_predicted(features: np.ndarray, labels: np.ndarray, folds: int = 5) -> np.ndarray:
    """The label (0 or 1) of each of n items, predicted by a model fitted without its fold, [n].

    ``features`` [n, d] are standardised over all items first, as the code of arXiv 2605.02206 does;
    folds are blocks of each label's items. There are fewer folds where a label has fewer items.
    """
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
    fold = _folds(labels, max(2, min(folds, *np.bincount(labels, minlength=2))))
    said = np.zeros(len(labels), dtype=int)
    for number in np.unique(fold):
        out = fold == number
        weights = fitted(scaled[~out], labels[~out])
        said[out] = with_constant(scaled[out]) @ weights > 0
    return said


def fitted(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The minimum of |w|^2 / 2 + sum of log(1 + exp(-y f)), [d + 1]; last the constant,
    which has no penalty."""
    design, signs = with_constant(features), 2.0 * labels - 1
    penalty = np.append(np.ones(features.shape[1]), 0.0)
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = _logistic(-signs * (design @ weights))
        gradient = penalty * weights - design.T @ (signs * chance)
        if np.abs(gradient).max() < SMALLEST:
            break
        curvature = np.diag(penalty) + (design.T * (chance * (1 - chance))) @ design
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        weights = weights - _length(design, signs, penalty, weights, step, gradient) * step
    return weights


def with_constant(features: np.ndarray) -> np.ndarray:
    """[n, d] with a column of ones: [n, d + 1]."""
    return np.column_stack([features, np.ones(len(features))])


def _length(design, signs, penalty, weights, step, gradient) -> float:
    """The first of 1, 1/2, 1/4, ... of a Newton step that lowers the loss enough."""
    start, slope, length = _loss(design, signs, penalty, weights), gradient @ step, 1.0
    while length > 1e-9:
        tried = _loss(design, signs, penalty, weights - length * step)
        if tried <= start - 1e-4 * length * slope:
            break
        length /= 2
    return length


def _loss(design, signs, penalty, weights) -> float:
    fit = np.logaddexp(0, -signs * (design @ weights)).sum()
    return float(fit + (penalty * weights**2).sum() / 2)


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


def _folds(labels: np.ndarray, folds: int) -> np.ndarray:
    """The fold of each item: each label's items in blocks of nearly equal size, [n]."""
    fold = np.zeros(len(labels), dtype=int)
    for label in (0, 1):
        places = np.flatnonzero(labels == label)
        for number, some in enumerate(np.array_split(places, folds)):
            fold[some] = number
    return fold
