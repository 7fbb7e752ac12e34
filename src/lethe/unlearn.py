"""Running an unlearning method that minimises a loss over batches of the forget set."""

import copy
import random
from collections.abc import Callable, Iterator, Sequence

import torch

from lethe.forward import Forward
from lethe.methods.base import Method, Reference, Step, Supervision
from lethe.optimise import Optimiser
from lethe.order import batches, epoch_order, partners
from lethe.packing import Batch, pack
from lethe.text import Encoder, Example


def supervise(encoder: Encoder, needs: Sequence[str], forget, retain, refusals) -> Supervision:
    """Tokenise what a method needs: (question, answer) pairs, and refusals as plain strings."""
    data = Supervision(encoder.encode_all(forget))
    if "retain" in needs:
        data.retain = encoder.encode_all(retain)
    if "refusals" in needs:
        data.refusals = list(refusals)
        data.refuse = lambda rows, texts: encoder.encode_all(
            [(forget[row][0], text) for row, text in zip(rows, texts, strict=True)]
        )
    return data


def minimise(
    method: Method,
    model,
    data: Supervision,
    seed: int,
    report: Callable[[int, int, float], None],
) -> Iterator[tuple[int, int]]:
    """Train ``model`` in place; yield (epoch, step) after each pass over the forget set."""
    settings = method.settings
    per_epoch = -(-len(data.forget) // settings.batch_size)
    optimiser = Optimiser(model, settings, per_epoch)
    reference = _reference(method, model, data, settings.batch_size)
    forward, step = Forward(model), 0
    steps = _steps(method, data, seed)
    for epoch in range(1, settings.epochs + 1):
        model.train()
        for _ in range(per_epoch):
            loss = method.loss(forward, next(steps), reference)
            loss.backward()
            optimiser.step()
            step += 1
            report(step, per_epoch * settings.epochs, loss.item())
        model.eval()
        yield epoch, step


def _steps(method: Method, data: Supervision, seed: int) -> Iterator[Step]:
    """Batches of each optimiser step, epoch after epoch."""
    partner = partners(len(data.retain), seed) if "retain" in method.needs else None
    draw = random.Random(f"refusal/{seed}")
    for epoch in range(method.settings.epochs):
        order = epoch_order(len(data.forget), seed, epoch)
        for index in batches(order, method.settings.batch_size):
            step = Step(_pick(data.forget, index))
            if partner is not None:
                step.retain = _pick(data.retain, [next(partner) for _ in index])
            if "refusals" in method.needs:
                texts = [draw.choice(data.refusals) for _ in index]
                step.refusal = pack(data.refuse(index, texts), index)
            yield step


def _pick(examples: Sequence[Example], index: list[int]) -> Batch:
    return pack([examples[i] for i in index], index)


def _reference(method: Method, model, data: Supervision, batch_size: int) -> Reference:
    """Keep of the starting model what the method declares, and no more."""
    reference = Reference()
    if "reference_nll" in method.needs:
        reference.forget_nll = forget_nll(model, data.forget, batch_size)
    if "reference_model" in method.needs:
        frozen = copy.deepcopy(model).eval().requires_grad_(False)
        reference.frozen = Forward(frozen)
    return reference


@torch.no_grad()
def forget_nll(model, examples: Sequence[Example], batch_size: int) -> torch.Tensor:
    """Summed negative log-likelihood of each answer under ``model``, [rows]."""
    forward = Forward(model.eval())
    parts = batches(range(len(examples)), batch_size)
    return torch.cat([forward.answers(_pick(examples, part)).sequence_nll() for part in parts])
