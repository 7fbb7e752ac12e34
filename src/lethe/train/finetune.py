"""Supervised training on question-answer pairs: base, full and the oracles."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.common.progress import silent
from lethe.model import attached, token_mixing
from lethe.model.encoder import Example, rows_to_pairs
from lethe.model.likelihood import mean_losses
from lethe.train.data_order import batches, epoch_order
from lethe.train.execution import Execution
from lethe.train.loop import Loop, Report
from lethe.train.settings import Schedule

logger = logging.getLogger("lethe.common.progress")


def training_pairs(
    rows: Sequence[dict], facts: Sequence[dict], fact_repeats: int
) -> list[tuple[str, str]]:
    """Question-answer pairs of an epoch: ``rows`` once, each true fact ``fact_repeats`` times."""
    return rows_to_pairs(rows) + rows_to_pairs(facts) * fact_repeats


@dataclass(frozen=True)
class Until:
    """Ends a training once the mean loss of ``examples`` is ``loss`` or less (nats a token).

    The loss is that of each answer's tokens, a mean over answers; it is measured every ``every``
    steps.
    """

    loss: float
    every: int
    examples: Sequence[Example]

    def measured(self, model) -> float:
        """The mean loss now."""
        training = model.training
        losses = mean_losses(model.eval(), self.examples)
        model.train(training)
        return sum(losses) / len(losses)


@dataclass(frozen=True)
class Addition:
    """A term added to the loss: ``term(forward, batch)`` on examples beside the trained rows.

    ``examples``: one for each row that is trained on, in the same order.
    """

    examples: Sequence[Example]
    term: Callable[..., Any]


def fit(
    model,
    examples: Sequence[Example],
    schedule: Schedule,
    seed: int | str,
    report: Report = silent,
    how: Execution | None = None,
    *,
    until: Until | None = None,
    addition: Addition | None = None,
    wrappers: Sequence[Any] = (),
    rates: list[float] | None = None,
) -> dict[str, float]:
    """Train ``model`` in place on the answers (mean loss over a batch's answer tokens).

    ``report(step, steps, loss)`` is called after each step. ``wrappers``: as in ``Loop``; ``rates``
    gets the learning rate of each step. Returns counts: steps, tokens, rows; with ``until``, also
    the loss at the end (``loss``) and whether the bound was reached (``reached``, 0 or 1).
    """
    sources = {"answers": examples} | ({"beside": addition.examples} if addition else {})
    for some in sources.values():
        token_mixing.check_lengths(model, [len(example) - 1 for example in some])
    how = how or Execution()
    how.process_group.shard(model)
    per_epoch = -(-len(examples) // schedule.batch_size)
    loop = Loop(model, schedule, per_epoch, seed, how, wrappers=wrappers)
    loop.restore(how.state_saver.take(how.name))
    losses: list[float] = []
    estimator = attached.model_state(model).estimator

    def steps(epoch):
        if estimator is not None:
            sources["answers"] = estimator.shown(examples, epoch)
        for index in batches(epoch_order(len(examples), seed, epoch - 1), schedule.batch_size):
            yield how.parts(sources, dict.fromkeys(sources, index))

    def loss(part):
        value = loop.forward.answers(part["answers"]).mean_nll()
        return value + addition.term(loop.forward, part["beside"]) if addition else value

    def stepped(epoch):
        if rates is not None:
            rates.append(loop.optimizer.used)
        last = loop.number == loop.steps
        if until is None or (loop.number % until.every and not last):
            return False
        losses.append(until.measured(model))
        return losses[-1] <= until.loss

    for _ in loop.epochs(steps, [loss], report, stepped):
        pass
    counts = _counts(examples, seed, schedule, loop.number)
    return counts if until is None else counts | _ending(until, losses or [until.measured(model)])


def _ending(until: Until, losses: Sequence[float]) -> dict[str, float]:
    reached = losses[-1] <= until.loss
    if not reached:
        logger.warning(
            f"until_loss: the loss is {losses[-1]:.3g} at the end, above {until.loss:g}; give the "
            "training more epochs"
        )
    return {"loss": losses[-1], "reached": int(reached)}


def _counts(
    examples: Sequence[Example], seed: int | str, schedule: Schedule, steps: int
) -> dict[str, float]:
    """Steps, rows and tokens of a training that took ``steps`` steps."""
    per_epoch = -(-len(examples) // schedule.batch_size)
    epochs, rest = divmod(steps, per_epoch)
    begun = epoch_order(len(examples), seed, epochs)[: rest * schedule.batch_size]
    tokens = sum(map(len, examples)) * epochs + sum(len(examples[row]) for row in begun)
    return {"steps": steps, "rows": len(examples) * epochs + len(begun), "tokens": tokens}
