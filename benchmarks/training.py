"""How fast a model is trained on question-answer pairs, against transformers' own Trainer.

The Trainer pads each batch to its longest row and computes logits of all tokens. Both sides have
the same model, rows, batches, schedule and optimiser (fused AdamW), and take turns; the least
processor time of the rounds counts. `share`: floating-point operations a second that the text
needs, of those that the fastest of some matrix products reaches in the same process.

    .venv/bin/python benchmarks/training.py FILE [--checkpoint FOLDER] [--rows N] [--threads N]
        [--device cuda --dtype bfloat16 --attention flash] [--shape FOLDER]

FILE holds rows with question and answer. Without a checkpoint it is the default tiny model; --shape
is a folder with the config.json of a model, whose weights are then random. With several threads or
a GPU seconds are those of the wall; on a GPU the Trainer computes in bfloat16 with weights in
float32 as ours does.
"""

import argparse
import math
import time
from collections.abc import Callable

import torch
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback, TrainerCallback

from lethe.common.files import read_rows
from lethe.common.progress import silent
from lethe.common.torch_setup import set_up
from lethe.model import attached, checkpoint
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer
from lethe.model.attention import use_packing
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.onednn import undo_onednn, use_onednn
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train.data_order import batches, epoch_order
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.settings import Schedule

ROUNDS, SEED = 3, 0


def clock(device: str) -> float:
    """Seconds: of the processor, which other work does not inflate, for one thread; else wall."""
    if device == "cpu" and torch.get_num_threads() == 1:
        return time.process_time()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


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


class Told(TrainerCallback):
    """Tells of the end of each step."""

    def __init__(self, report):
        self.report = report

    def on_step_end(self, arguments, state, control, **given):
        self.report(state.global_step, state.max_steps, None)


def trainer(model, examples, schedule: Schedule, report=silent) -> tuple[float, list[float]]:
    """Seconds and losses of the steps of an epoch."""
    model.set_attn_implementation("sdpa")
    undo_onednn(model)
    steps = -(-len(examples) // schedule.batch_size)
    arguments = TrainingArguments(
        output_dir="results",
        num_train_epochs=1,
        learning_rate=schedule.lr,
        per_device_train_batch_size=schedule.batch_size,
        warmup_steps=max(1, round(schedule.warmup_epochs * steps)),
        weight_decay=schedule.weight_decay,
        max_grad_norm=schedule.max_grad_norm,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=model.device.type == "cpu",
        bf16=attached.model_state(model).dtype == torch.bfloat16,
    )
    worker = OurOrder(model, arguments, train_dataset=examples, data_collator=padded)
    worker.remove_callback(PrinterCallback)
    worker.add_callback(Told(report))
    # As it is used: with kernels that need not be deterministic.
    mode = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("default")
    start = clock(model.device.type)
    worker.train()
    seconds = clock(model.device.type) - start
    torch.set_deterministic_debug_mode(mode)
    return seconds, [entry["loss"] for entry in worker.state.log_history if "loss" in entry]


def ours(model, examples, schedule: Schedule, budget: int | None) -> tuple[float, list[float]]:
    """Seconds and losses of the steps of an epoch."""
    losses: list[float] = []
    start = clock(model.device.type)
    report = lambda step, steps, loss: losses.append(loss)  # noqa: E731
    fit(model, examples, schedule, SEED, report, Execution(budget))
    return clock(model.device.type) - start, losses


def needed(model, examples) -> float:
    """Floating-point operations of one epoch of the text, a product's and attention's.

    A weight has 2 for each token forward, 2 backward, and 2 for its own gradient if it is trained.
    """
    head = model.get_output_embeddings().weight
    tied = head is model.get_input_embeddings().weight
    each = 6 if head.requires_grad else 4
    weights = sum(p.numel() for p in model.parameters() if p.dim() > 1) - head.numel()
    weights -= 0 if tied else model.get_input_embeddings().weight.numel()
    width = model.config.num_hidden_layers * model.config.hidden_size
    tokens = sum(len(e) - 1 for e in examples)
    # Scores and their sums of values: 2 products forward, 4 backward, half of them masked.
    attention = sum(6 * (len(e) - 1) ** 2 * width for e in examples)
    answers = sum(e.answer_tokens for e in examples)
    return each * (weights * tokens + head.numel() * answers) + attention


@torch.no_grad()
def peak(device: str, dtype: torch.dtype) -> float:
    """Operations a second of the fastest of some matrix products, as linear layers make them."""
    best = 0.0
    sizes = ((1024, 128, 384), (1024, 1024, 1024), (2048, 2048, 2048))
    for rows, inner, columns in sizes if device == "cpu" else ((8192, 8192, 8192),):
        left = torch.randn(rows, inner, device=device, dtype=dtype)
        right = torch.nn.Linear(inner, columns, bias=False, device=device, dtype=dtype)
        use_onednn(right)
        for _ in range(5):
            start, count = clock(device), max(10, 2**30 // (rows * inner * columns))
            for _ in range(count):
                right(left)
            best = max(best, 2 * rows * inner * columns * count / (clock(device) - start))
    return best


def made(given, pairs) -> tuple[Callable, Encoder]:
    """How to make the model afresh, and its encoder."""
    if given.checkpoint is not None:
        source = given.checkpoint
        encoder = Encoder(checkpoint.load_tokenizer(source), checkpoint.template_of(source), 256)
        return lambda: ready(checkpoint.load(source)[0], given), encoder
    sizes = Architecture()
    tokenizer = train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    encoder = Encoder(tokenizer, "chat", 256)
    if given.shape is None:
        return lambda: ready(make_model(sizes, tokenizer, SEED), given), encoder
    config = AutoConfig.from_pretrained(given.shape)

    def random():
        torch.manual_seed(SEED)
        with torch.device(given.device):
            model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, given.dtype))
        use_onednn(model)
        return ready(model, given)

    return random, encoder


def ready(model, given):
    """Where it computes and in which numbers, as a job of the workflow would have it."""
    model = model.to(given.device, getattr(torch, given.dtype))
    use_packing(model, given.attention)
    lora = {"rank": given.lora, "alpha": 4 * given.lora} if given.lora else None
    compute = Compute(
        dtype=given.dtype, gradient_checkpointing=given.gradient_checkpointing, lora=lora
    )
    prepare(model, compute.training("finetune"), SEED, "none")
    return model


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--checkpoint")
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shape")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--lora", type=int, help="rank of adapters, which alone are trained")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--budgets", type=int, nargs="*", default=[1024], help="tokens of a part")
    given = parser.parse_args()
    set_up(given.threads, given.device)
    pairs = rows_to_pairs(read_rows(given.file))[: given.rows]
    fresh, encoder = made(given, pairs)
    examples = encoder.encode_all(pairs)
    tokens = sum(map(len, examples))
    schedule = Schedule(epochs=1, lr=1e-3, batch_size=given.batch, weight_decay=0)
    sides = {"Trainer": lambda: trainer(fresh(), examples, schedule)}
    for budget in (None, *given.budgets):
        sides[f"parts of {budget}" if budget else "whole"] = lambda budget=budget: ours(
            fresh(), examples, schedule, budget
        )
    best = dict.fromkeys(sides, math.inf)
    for _ in range(ROUNDS):
        found = {name: work() for name, work in sides.items()}
        best = {name: min(best[name], found[name][0]) for name in sides}
    operations = needed(fresh(), examples)
    most = peak(given.device, getattr(torch, given.dtype))
    print(f"{len(examples)} rows, {tokens} tokens in batches of {given.batch} rows")
    print(f"matrix products: {most / 1e9:.0f} GFLOP a second at the most")
    for name, seconds in best.items():
        share = operations / seconds / most
        apart = max(abs(a - b) for a, b in zip(found[name][1], found["Trainer"][1], strict=True))
        print(
            f"{name:>14}: {tokens / seconds:6.0f} tokens/s, ratio {best['Trainer'] / seconds:.2f},"
            f" share {share:.2f}; losses apart by {apart:.1e} at the most"
        )


if __name__ == "__main__":
    main()
