"""Gradients of one term of a loss, for wrappers that treat the two terms differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lethe.train.passes import Passes

if TYPE_CHECKING:
    import torch

    from lethe.common.distributed import SingleProcess
    from lethe.model.forward import Forward
    from lethe.unlearn.interface import Reference, Step
    from lethe.unlearn.method import Method, Term


def is_sum(method: Method) -> bool:
    """Whether a method's loss is its forget term and perhaps a retain term, each with a weight."""
    from lethe.unlearn.method import Method

    return type(method).loss is Method.loss


def forget_term(method: Method) -> Term:
    """The weighted forget term; the whole loss of a method that has a loss of its own."""
    if not is_sum(method):
        return method.loss
    weight = getattr(method.settings, "forget_weight", 1.0)
    return lambda *given: weight * method.forget(*given)


def forget_passes(method: Method, passes: Passes) -> Passes:
    """Passes of ``forget_term`` for one batch, where ``passes`` are those of the method's own."""
    return passes if is_sum(method) or method.term is None else passes + method.term.passes


def gradient(
    term: Term,
    method: Method,
    model: Forward,
    parts: Sequence[Step],
    reference: Reference,
    parameters: Sequence[torch.nn.Parameter],
    process_group: SingleProcess,
) -> list[torch.Tensor]:
    """The gradient of a term over a step's parts, by parameter; 0 where it has none.

    What the parameters hold as ``grad``, and the method's ``sums``, are left as they are.
    """
    held, sums = [p.grad for p in parameters], dict(method.sums)
    for p in parameters:
        p.grad = None
    for step in parts:
        term(model, step, reference).backward()
    process_group.add_gradients(parameters)
    own = [p.grad if p.grad is not None else p.new_zeros(p.shape) for p in parameters]
    for p, before in zip(parameters, held, strict=True):
        p.grad = before
    method.sums.update(sums)
    return own


def add(parameters: Sequence[torch.nn.Parameter], changes: Iterable[torch.Tensor]) -> None:
    """Add ``changes``, by parameter, to what the parameters hold as ``grad``."""
    for p, change in zip(parameters, changes, strict=True):
        p.grad = change if p.grad is None else p.grad + change
