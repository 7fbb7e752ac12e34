"""Unlearning of linear and logistic regression from a sample of the retained rows (ULS and UCE).

All arrays are in double precision; rows of ``x`` are observations. A model was fitted to n rows, a
share w_f of which is to be forgotten; w_r = 1 - w_f. A sample of the retained rows' features is
enough, without their labels ("Efficient machine unlearning with minimax optimality", arXiv
2604.05669).
"""

from collections.abc import Callable, Sequence

import numpy as np

from lethe.common.errors import LetheError

Array = np.ndarray


def least_squares(x: Array, y: Array) -> Array:
    """The coefficients [p] that minimise |y - x theta|², x [n, p], y [n].

    LetheError for fewer rows than columns: there is no single minimum.
    """
    if len(x) < x.shape[1]:
        raise LetheError(f"least squares: {len(x)} rows for {x.shape[1]} coefficients; add rows")
    return np.linalg.lstsq(x, y, rcond=None)[0]


def uls(fitted: Array, sample: Array, forget: Array, targets: Array, share: float) -> Array:
    """theta = fitted + (w_f / w_r) S_r^-1 (S_f fitted - M_f), the solution of ULS's equation, [p].

    S_r = X~'X~/n~ of the ``sample`` of retained rows [n~, p], S_f and M_f = X_f'y_f/n_f of the
    ``forget`` rows [n_f, p] and their ``targets`` [n_f]; ``share``: w_f. With every retained row in
    the sample it is the fit to the retained rows alone.
    """
    gradient = forget.T @ (forget @ fitted - targets) / len(forget)
    return fitted + share / (1 - share) * np.linalg.solve(_moment(sample), gradient)


def uls_by_steps(
    fitted: Array,
    sample: Array,
    forget: Array,
    targets: Array,
    share: float,
    lr: float = 1e-2,
    most: int = 100_000,
) -> tuple[Array, int]:
    """ULS's equation solved by gradient descent from ``fitted``, as the authors do: theta, steps.

    It ends where the residual is below 1e-3 sqrt(p / n~) of the right side's length, or after
    ``most`` steps.
    """
    retained = 1 - share
    s_r, s_f = _moment(sample), _moment(forget)
    right = (retained * s_r + share * s_f) @ fitted - share * forget.T @ targets / len(forget)
    enough = 1e-3 * np.sqrt(sample.shape[1] / len(sample)) * np.linalg.norm(right)
    theta = fitted.copy()
    for step in range(most):
        residual = retained * s_r @ theta - right
        if np.linalg.norm(residual) < enough:
            return theta, step
        theta -= lr * residual
    return theta, most


def transfer(
    fitted: Array, sample: Array, targets: Array, strengths: Sequence[float], folds: int = 5
) -> Array:
    """argmin |y - x theta|²/n~ + lambda |theta - fitted|², lambda by cross-validation, [p].

    The baseline that needs the labels of the sample, ``targets`` [n~]. Fold k holds every
    ``folds``-th row from the k-th on.
    """
    fold = np.arange(len(sample)) % folds

    def loss(strength: float) -> float:
        parts = []
        for k in range(folds):
            theta = _towards(fitted, sample[fold != k], targets[fold != k], strength)
            parts.append((targets[fold == k] - sample[fold == k] @ theta) ** 2)
        return float(np.concatenate(parts).mean())

    return _towards(fitted, sample, targets, min(strengths, key=loss))


def _towards(fitted: Array, x: Array, y: Array, strength: float) -> Array:
    square = _moment(x) + strength * np.eye(x.shape[1])
    return np.linalg.solve(square, x.T @ y / len(x) + strength * fitted)


def logistic(x: Array, y: Array) -> Array:
    """The coefficients [p] of logistic regression without penalty; x [n, p], y [n] of 0 and 1.

    LetheError where a plane separates the classes: the likelihood then has no maximum.
    """
    theta = _root(
        np.zeros(x.shape[1]),
        lambda theta: x.T @ (sigmoid(x @ theta) - y) / len(x),
        lambda theta: _curvature(x, theta),
    )
    if np.abs(sigmoid(x @ theta) - y).max() < 1e-6:
        raise LetheError("logistic regression: a plane separates the classes; add rows")
    return theta


def uce(fitted: Array, sample: Array, forget: Array, labels: Array, share: float) -> Array:
    """The root theta of w_r E[x (s(x theta) - s(x fitted))] = w_f grad_f(fitted), [p].

    E is over the ``sample`` of retained rows [n~, p], s the logistic function, grad_f the gradient
    of the mean cross-entropy of the ``forget`` rows with ``labels`` [n_f] of 0 and 1. The labels of
    retained rows cancel in the difference, and with every retained row in the sample the gradient
    of their loss is 0 at theta: it is the fit to them alone. ULS's equation with gradients of
    cross-entropy in place of those of squares [RECON: the paper's own form was not available].
    """
    before = sigmoid(sample @ fitted)
    wanted = share / (1 - share) * forget.T @ (sigmoid(forget @ fitted) - labels) / len(forget)
    return _root(
        fitted.copy(),
        lambda theta: sample.T @ (sigmoid(sample @ theta) - before) / len(sample) - wanted,
        lambda theta: _curvature(sample, theta),
    )


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    return np.exp(-np.logaddexp(0, -z))


def _curvature(x: Array, theta: Array) -> Array:
    p = sigmoid(x @ theta)
    return (x * (p * (1 - p))[:, None]).T @ x / len(x)


def _moment(x: Array) -> Array:
    return x.T @ x / len(x)


def _root(
    theta: Array, slope: Callable[[Array], Array], curvature: Callable[[Array], Array]
) -> Array:
    """The root of a slope by Newton's method; steps are halved until the slope gets shorter.

    LetheError where no theta is a root, as for classes that a plane separates.
    """
    here = slope(theta)
    for _ in range(100):
        length = np.linalg.norm(here)
        if length < 1e-12:
            return theta
        step = np.linalg.lstsq(curvature(theta), here, rcond=None)[0]
        for _ in range(40):
            there = slope(theta - step)
            if np.linalg.norm(there) < length:
                break
            step = step / 2
        else:
            if length < 1e-9:
                return theta
            break
        theta, here = theta - step, there
    raise LetheError("cross-entropy: no solution; the sample is too small, so take more rows")
