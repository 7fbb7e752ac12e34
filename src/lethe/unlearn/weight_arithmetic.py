"""Arithmetic on weights: adding the change that a training made, or subtracting it."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from lethe.model.encoder import Example
from lethe.train.execution import Execution
from lethe.train.loop import Report
from lethe.unlearn import method, tuning
from lethe.unlearn.interface import Supervision
from lethe.unlearn.runner import minimise

Weights = dict[str, torch.Tensor]


def weights(model: torch.nn.Module) -> Weights:
    """A copy of the parameters, by name; tied ones appear once."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


@torch.no_grad()
def combine(
    model: torch.nn.Module, start: Weights, terms: Sequence[tuple[float, Weights, Weights]]
) -> None:
    """Set the model's parameters to start + sum of c (after - before) over ``terms``."""
    for name, p in model.named_parameters():
        value = start[name].clone()
        for coefficient, after, before in terms:
            value += coefficient * (after[name] - before[name])
        p.copy_(value)


def learn(
    model,
    examples: Sequence[Example],
    settings: method.MethodSettings,
    seed: int | str,
    report: Report,
    how: Execution | None = None,
) -> Iterator[tuple[int, int]]:
    """Fine-tune ``model`` in place by the shared settings; yields what a method's run yields."""
    shared: Mapping = settings.model_dump(include=set(method.MethodSettings.model_fields))
    return minimise(
        tuning.Method(dict(shared)), model, Supervision(list(examples)), seed, report, how
    )
