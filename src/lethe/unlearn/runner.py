"""Running an unlearning method that minimises a loss over batches of the forget set."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import torch

from lethe.model import token_mixing
from lethe.model.batch import pack
from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.padded_batch import padded
from lethe.model.precision import frozen_copy
from lethe.train.data_order import batches, epoch_order, partners, same_group_partners
from lethe.train.execution import Execution, State, under
from lethe.train.loop import Loop, Report, recorded
from lethe.train.optimizer import frozen
from lethe.unlearn.interface import Reference, Step, Supervision, Trained


@dataclass
class Plan:
    """All random draws of a run, made before it begins; independent of the batch size.

    Indices of forget rows, retain rows and alternate answers, aligned by epoch and position;
    ``answers``: the distinct alternate answers drawn, each tokenised once.
    """

    forget: list[list[int]]
    retain: list[list[int]] = field(default_factory=list)
    alternate: list[list[int]] = field(default_factory=list)
    answers: list[Example] = field(default_factory=list)

    @classmethod
    def draw(cls, method: Trained, data: Supervision, seed: int) -> "Plan":
        """Draw the plan of a method's run."""
        size, epochs = len(data.forget), method.settings.epochs
        plan = cls([epoch_order(size, seed, epoch) for epoch in range(epochs)])
        if data.groups is not None:
            forget, retain = data.groups
            wanted = [[forget[row] for row in order] for order in plan.forget]
            plan.retain = same_group_partners(wanted, retain, seed)
        elif "retain" in method.needs:
            drawn = partners(len(data.retain), seed, size)
            plan.retain = [next(drawn) for _ in range(epochs)]
        if data.encode is not None:
            choose, seen = random.Random(f"refusal/{seed}"), {}
            plan.alternate = [
                [seen.setdefault((i, choose.choice(data.alternates[i])), len(seen)) for i in order]
                for order in plan.forget
            ]
            rows, texts = zip(*seen, strict=True)
            plan.answers = data.encode(rows, texts)
        return plan


def minimise(
    method: Trained,
    model,
    data: Supervision,
    seed: int,
    report: Report,
    how: Execution | None = None,
) -> Iterator[tuple[int, int]]:
    """Train ``model`` in place; yield (epoch, step) after each pass over the forget set."""
    settings, how = method.settings, how or Execution()
    per_epoch = -(-len(data.forget) // settings.batch_size) * len(method.inner_steps)
    plan = Plan.draw(method, data, seed)
    texts = chain(data.forget, data.retain, plan.answers)
    token_mixing.check_lengths(model, [len(example) - 1 for example in texts])
    recordable = not (method.wrappers or method.whole_weights)
    reference = _reference(method, model, data, plan, how)
    if recordable and reference.frozen is not None:
        reference.frozen = recorded(reference.frozen.model, per_epoch * settings.epochs)
    saved = how.state_saver.take(how.name)
    _prepare(method, model, data, seed, how, saved)
    by_wrappers = (pattern for wrapper in method.wrappers for pattern in wrapper.frozen(model))
    with frozen(model, [*settings.frozen, *method.frozen(model), *by_wrappers]):
        loop = Loop(
            model,
            settings,
            per_epoch,
            seed,
            how,
            choice=settings.optimiser,
            gradient=settings.gradient,
            shared=not method.whole,
            besides=partial(_state, method),
            wrappers=method.wrappers,
            inner_steps=method.inner_steps,
            recordable=recordable,
        )
        loop.restore(saved)
        terms = _terms(method, model.device.type)
        yield from loop.epochs(
            partial(_steps, method, data, plan, how),
            [partial(_term, term, loop.forward, reference) for term in terms],
            report,
            method.stepped,
            method.sums,
        )


def _terms(method: Trained, device: str) -> tuple:
    """The functions that are differentiated one after the other.

    On a CPU, where memory is larger, the loss stays whole: another order of sums would change the
    last digits of its gradients.
    """
    return method.terms() if device == "cuda" else (method.objective,)


def _term(term, forward: Forward, reference: Reference, step: Step) -> torch.Tensor:
    return term(forward, step, reference)


def _prepare(method: Trained, model, data: Supervision, seed, how: Execution, saved) -> None:
    """Prepare method and wrappers, or restore them, with the model as it was at first."""
    if saved is None:
        method.prepare(model, data, seed, how)
    else:
        method.restore(under("method/", saved), model, data, seed)
    for wrapper in method.wrappers:
        wrapper.prepare(model, data, seed)
        if saved is not None:
            wrapper.restore(under(f"method/{wrapper.name}/", saved))


def _state(method: Trained) -> State:
    """State of a method and its wrappers between steps."""
    state = method.state()
    for wrapper in method.wrappers:
        state |= {f"{wrapper.name}/{key}": value for key, value in wrapper.state().items()}
    return state


def _steps(
    method: Trained, data: Supervision, plan: Plan, how: Execution, epoch: int
) -> Iterator[list[Step]]:
    """The parts of each optimiser step of an epoch."""
    pick = partial(padded, token=data.padding) if _pads(method) else None
    sources = {"forget": data.forget, "retain": data.retain, "alternate": plan.answers}
    drawn = {name: getattr(plan, name) for name in sources}
    cut = {
        name: batches(rows[epoch - 1], method.settings.batch_size)
        for name, rows in drawn.items()
        if rows
    }
    begun = len(cut["forget"]) * (epoch - 1)
    for number, indices in enumerate(zip(*cut.values(), strict=True), begun):
        rows = dict(zip(cut, indices, strict=True))
        parts = how.parts(sources, rows, method.whole, pick)
        for inner_step in range(len(method.inner_steps)):
            yield [Step(**part, batch=number, inner_step=inner_step) for part in parts]


def _pads(method: Trained) -> bool:
    return getattr(method.settings, "open_unlearning", False)


def _reference(
    method: Trained, model, data: Supervision, plan: Plan, how: Execution | None = None
) -> Reference:
    """The values of the starting model that the method needs.

    From here on this process holds only its shard of both models.
    """
    reference, size, process_group = (
        Reference(),
        method.settings.batch_size,
        (how or Execution()).process_group,
    )
    if "reference_model" in method.needs:
        reference.frozen = Forward(frozen_copy(model))
        process_group.shard(reference.frozen.model)
    process_group.shard(model, shared=not method.whole)
    if "reference_nll" in method.needs:
        known = data.forget_nll
        reference.forget_nll = (
            answer_nll(model, data.forget, size) if known is None else known.to(model.device)
        )
        if plan.answers:
            reference.alternate_nll = answer_nll(model, plan.answers, size)
    return reference


@torch.no_grad()
def answer_nll(model, examples: Sequence[Example], batch_size: int) -> torch.Tensor:
    """Summed negative log-likelihood of each answer under ``model``, [rows]."""
    forward = Forward(model.eval())
    parts = batches(range(len(examples)), batch_size)
    packed = (pack([examples[i] for i in part], part) for part in parts)
    return torch.cat([forward.answers(batch).sequence_nll() for batch in packed])
