"""How fast a model is trained on question-answer pairs, against transformers' own Trainer.

The Trainer pads each batch to its longest row and computes logits of all tokens. Both sides have
the same model, rows, batches, schedule and optimiser (fused AdamW), and take turns; the least
processor time of the rounds counts. `share`: floating-point operations a second that the text
needs, of those that the fastest of some matrix products reaches in the same process.

    .venv/bin/python benchmarks/training.py FILE [--checkpoint FOLDER] [--rows N] [--threads N]

FILE holds rows with question and answer. Without a checkpoint it is the default tiny model.
"""

import argparse
import math
import time
from collections.abc import Callable

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from lethe import checkpoint
from lethe.execution import Execution
from lethe.files import read_rows
from lethe.order import batches, epoch_order
from lethe.runtime import set_up
from lethe.schedule import Schedule
from lethe.text import Encoder, rows_to_pairs
from lethe.tiny import Architecture, make_model, train_tokenizer
from lethe.train import fit

BATCH, ROUNDS, SEED = 32, 3, 0
BUDGETS = (None, 1024)


class OurOrder(Trainer):
    """The Trainer with the batches of this project's order."""

    def get_train_dataloader(self):
        size = len(self.train_dataset)
        order = batches(epoch_order(size, SEED, 0), self.args.per_device_train_batch_size)
        return torch.utils.data.DataLoader(
            self.train_dataset, batch_sampler=order, collate_fn=self.data_collator
        )


def padded(rows) -> dict[str, torch.Tensor]:
    """A batch padded to its longest row."""
    longest = max(map(len, rows))
    pads = [longest - len(e) for e in rows]
    pairs = list(zip(rows, pads, strict=True))
    return {
        "input_ids": torch.tensor([[*e.ids, *[0] * n] for e, n in pairs]),
        "attention_mask": torch.tensor([[1] * len(e) + [0] * n for e, n in pairs]),
        "labels": torch.tensor(
            [[-100] * e.start + [*e.ids[e.start :]] + [-100] * n for e, n in pairs]
        ),
    }


def trainer(model, examples, schedule: Schedule) -> tuple[float, list[float]]:
    """Seconds and losses of the steps of an epoch."""
    model.set_attn_implementation("sdpa")
    arguments = TrainingArguments(
        output_dir="results",
        num_train_epochs=1,
        learning_rate=schedule.lr,
        per_device_train_batch_size=schedule.batch_size,
        warmup_steps=max(1, round(schedule.warmup_epochs * -(-len(examples) // BATCH))),
        weight_decay=schedule.weight_decay,
        max_grad_norm=schedule.max_grad_norm,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=True,
    )
    worker = OurOrder(model, arguments, train_dataset=examples, data_collator=padded)
    worker.remove_callback(PrinterCallback)
    start = time.process_time()
    worker.train()
    seconds = time.process_time() - start
    return seconds, [entry["loss"] for entry in worker.state.log_history if "loss" in entry]


def ours(model, examples, schedule: Schedule, budget: int | None) -> tuple[float, list[float]]:
    """Seconds and losses of the steps of an epoch."""
    losses: list[float] = []
    start = time.process_time()
    report = lambda step, steps, loss: losses.append(loss)  # noqa: E731
    fit(model, examples, schedule, SEED, report, Execution(budget))
    return time.process_time() - start, losses


def needed(model, examples) -> float:
    """Floating-point operations of one epoch of the text: 6 a weight and token, and attention."""
    head = model.get_output_embeddings().weight
    tied = head is model.get_input_embeddings().weight
    weights = sum(p.numel() for p in model.parameters() if p.dim() > 1) - head.numel()
    weights -= 0 if tied else model.get_input_embeddings().weight.numel()
    width = model.config.num_hidden_layers * model.config.hidden_size
    tokens = sum(len(e) - 1 for e in examples)
    # Scores and their sums of values: 2 products forward, 4 backward, half of them masked.
    attention = sum(6 * (len(e) - 1) ** 2 * width for e in examples)
    return (
        6 * weights * tokens + 6 * head.numel() * sum(e.answer_tokens for e in examples) + attention
    )


def peak() -> float:
    """Operations a processor second of the fastest of some matrix products."""
    best = 0.0
    for rows, inner, columns in ((1024, 128, 384), (1024, 1024, 1024), (2048, 2048, 2048)):
        left, right = torch.randn(rows, inner), torch.randn(inner, columns)
        for _ in range(5):
            start, count = time.process_time(), max(1, 2**30 // (rows * inner * columns))
            for _ in range(count):
                left @ right
            seconds = time.process_time() - start
            best = max(best, 2 * rows * inner * columns * count / seconds)
    return best


def made(source: str | None, pairs) -> tuple[Callable, Encoder]:
    """How to make the model afresh, and its encoder."""
    if source is not None:
        encoder = Encoder(checkpoint.load_tokenizer(source), checkpoint.template_of(source), 256)
        return lambda: checkpoint.load(source)[0], encoder
    sizes = Architecture()
    tokenizer = train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    return lambda: make_model(sizes, tokenizer, SEED), Encoder(tokenizer, "chat", 256)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--checkpoint")
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    set_up(given.threads)
    pairs = rows_to_pairs(read_rows(given.file))[: given.rows]
    fresh, encoder = made(given.checkpoint, pairs)
    examples = encoder.encode_all(pairs)
    tokens = sum(map(len, examples))
    schedule = Schedule(epochs=1, lr=1e-3, batch_size=BATCH, weight_decay=0)
    sides = {"Trainer": lambda: trainer(fresh(), examples, schedule)}
    for budget in BUDGETS:
        sides[f"parts of {budget}" if budget else "whole"] = lambda budget=budget: ours(
            fresh(), examples, schedule, budget
        )
    best = dict.fromkeys(sides, math.inf)
    for _ in range(ROUNDS):
        found = {name: work() for name, work in sides.items()}
        best = {name: min(best[name], found[name][0]) for name in sides}
    operations, most = needed(fresh(), examples), peak()
    print(f"{len(examples)} rows, {tokens} tokens, {given.threads} threads")
    print(f"matrix products: {most / 1e9:.0f} GFLOP a processor second at the most")
    for name, seconds in best.items():
        share = operations / seconds / most
        apart = max(abs(a - b) for a, b in zip(found[name][1], found["Trainer"][1], strict=True))
        print(
            f"{name:>14}: {tokens / seconds:6.0f} tokens/s, ratio {best['Trainer'] / seconds:.2f},"
            f" share {share:.2f}; losses apart by {apart:.1e} at the most"
        )


if __name__ == "__main__":
    main()
