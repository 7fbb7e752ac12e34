"""Supervised training on question-answer pairs: base, full and the oracles."""

from collections.abc import Sequence

from lethe.common.progress import silent
from lethe.model import token_mixing
from lethe.model.encoder import Example, rows_to_pairs
from lethe.train.data_order import batches, epoch_order
from lethe.train.execution import Execution
from lethe.train.loop import Loop, Report
from lethe.train.settings import Schedule


def training_pairs(
    rows: Sequence[dict], facts: Sequence[dict], fact_repeats: int
) -> list[tuple[str, str]]:
    """Question-answer pairs of an epoch: ``rows`` once, each true fact ``fact_repeats`` times."""
    return rows_to_pairs(rows) + rows_to_pairs(facts) * fact_repeats


def fit(
    model,
    examples: Sequence[Example],
    schedule: Schedule,
    seed: int | str,
    report: Report = silent,
    how: Execution | None = None,
) -> dict[str, float]:
    """Train ``model`` in place on the answers (mean loss over a batch's answer tokens).

    ``report(step, steps, loss)`` is called after each step. Returns counts: steps, tokens, rows.
    """
    token_mixing.check_lengths(model, [len(example) - 1 for example in examples])
    how = how or Execution()
    how.process_group.shard(model)
    per_epoch = -(-len(examples) // schedule.batch_size)
    loop = Loop(model, schedule, per_epoch, seed, how)
    loop.restore(how.state_saver.take(how.name))

    def steps(epoch):
        for index in batches(epoch_order(len(examples), seed, epoch - 1), schedule.batch_size):
            yield how.parts({"answers": examples}, {"answers": index})

    def loss(part):
        return loop.forward.answers(part["answers"]).mean_nll()

    for _ in loop.epochs(steps, [loss], report):
        pass
    tokens = sum(map(len, examples)) * schedule.epochs
    return {"steps": loop.steps, "rows": len(examples) * schedule.epochs, "tokens": tokens}
