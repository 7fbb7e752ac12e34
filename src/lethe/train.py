"""Supervised training on question-answer pairs: base, full and the oracles."""

from collections.abc import Callable, Sequence

from lethe.forward import Forward
from lethe.optimise import Optimiser
from lethe.order import batches, epoch_order
from lethe.packing import pack
from lethe.schedule import Schedule
from lethe.text import Example

Report = Callable[[int, int, float], None]


def fit(
    model,
    examples: Sequence[Example],
    schedule: Schedule,
    seed: int | str,
    report: Report = lambda step, steps, loss: None,
) -> dict[str, float]:
    """Train ``model`` in place on the answers' tokens (mean over a batch's answer tokens).

    ``report(step, steps, loss)`` is called after each step. Returns counts: steps, tokens, rows.
    """
    per_epoch = -(-len(examples) // schedule.batch_size)
    optimiser = Optimiser(model, schedule, per_epoch)
    steps, step = per_epoch * schedule.epochs, 0
    forward = Forward(model)
    model.train()
    for epoch in range(schedule.epochs):
        for index in batches(epoch_order(len(examples), seed, epoch), schedule.batch_size):
            loss = forward.answers(pack([examples[i] for i in index], index)).mean_nll()
            loss.backward()
            optimiser.step()
            step += 1
            report(step, steps, loss.item())
    model.eval()
    tokens = sum(map(len, examples)) * schedule.epochs
    return {"steps": steps, "rows": len(examples) * schedule.epochs, "tokens": tokens}
