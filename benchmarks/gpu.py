"""What a GPU takes for steps, checkpoints and generation, with random weights in a model's shape.

    .venv/bin/python benchmarks/gpu.py FILE --shape FOLDER [--rows N] [--batch N]
        [--parts train bf16 method save tokens trainer]

FILE holds rows with question and answer; FOLDER the config.json of a model. Every part prints one
line of JSON. To compare two versions, run each in turn with its own `src` as PYTHONPATH, and more
than once: seconds are those of the wall.

train, bf16, trainer: milliseconds of a fine-tuning step with float32 master weights, in bfloat16
alone, and of transformers' Trainer with the same rows; method: of a gradient difference step, and
its peak memory; save: seconds besides the steps of four epochs, each of which leaves a checkpoint;
tokens: milliseconds of a generation step with 8 and with 256 rows.
"""

import argparse
import json
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from training import needed, peak, ready, trainer
from transformers import AutoConfig, AutoModelForCausalLM

from lethe.common.files import read_rows
from lethe.common.torch_setup import set_up
from lethe.model.architectures.llama import Architecture, train_tokenizer
from lethe.model.attention import use_packing
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.generate import continuations
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import leave_checkpoints

PARTS = ("train", "bf16", "method", "save", "tokens", "trainer")


class Bench:
    """One shape, its rows and the device."""

    def __init__(self, given):
        self.given, self.device = given, "cuda"
        rows = rows_to_pairs(read_rows(given.file))[: given.rows]
        self.tokenizer = train_tokenizer((f"{q} {a}" for q, a in rows), Architecture().vocabulary)
        self.encoder = Encoder(self.tokenizer, "chat", 256)
        self.pairs, self.examples = rows, self.encoder.encode_all(rows)

    def model(self, master: bool = True):
        """Random weights, ready to train in bfloat16."""
        config = AutoConfig.from_pretrained(self.given.shape)
        torch.manual_seed(0)
        with torch.device(self.device):
            model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        settings = argparse.Namespace(
            device=self.device, dtype="bfloat16", attention=self.given.attention, lora=None,
            gradient_checkpointing=False,
        )  # fmt: skip
        if master:
            return ready(model, settings)
        use_packing(model, self.given.attention)
        return model

    def schedule(self, epochs: int) -> Schedule:
        return Schedule(epochs=epochs, lr=1e-5, batch_size=self.given.batch, weight_decay=0)

    def train(self, master: bool = True) -> dict:
        model, ends = self.model(master), Ends()
        per_epoch = -(-len(self.examples) // self.given.batch)
        fit(model, self.examples, self.schedule(-(-60 // per_epoch)), 0, ends)
        operations = needed(model, self.examples) / per_epoch
        return {**ends.read(20), "tflops": round(operations / ends.seconds(20) / 1e12, 1)}

    def bf16(self) -> dict:
        return self.train(master=False)

    def trainer(self) -> dict:
        seconds, losses = trainer(self.model(), self.examples, self.schedule(1))
        return {"step_ms": round(seconds / len(losses) * 1000, 1)}

    def _method(self, epochs: int, rows: int):
        settings = {"epochs": epochs, "lr": 1e-5, "batch_size": self.given.batch}
        method = methods.load("grad_diff")(settings)
        half = self.pairs[len(self.pairs) // 2 :]
        data = supervise(self.encoder, method.needs, self.pairs[:rows], retain=half)
        return method, data

    def method(self) -> dict:
        model, ends = self.model(), Ends()
        method, data = self._method(4, 10 * self.given.batch)
        torch.cuda.reset_peak_memory_stats()
        for _ in method.run(model, data, 0, ends):
            pass
        return ends.read(15) | {"peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)}

    def save(self) -> dict:
        model, ends = self.model(), Ends()
        method, data = self._method(4, 8 * self.given.batch)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            place = lambda epoch: Path(folder, f"epoch{epoch}")  # noqa: E731
            leave_checkpoints(method, model, self.tokenizer, data, 0, {}, place, ends)
            whole = time.perf_counter() - start
        steps = ends.seconds(15) * len(ends.times)
        # The first steps set up libraries, and recordings where there are some.
        first = ends.times[8] - ends.times[0]
        return {
            "all_seconds": round(whole, 2),
            "steps_seconds": round(steps, 2),
            "first_epoch_seconds": round(first, 2),
            "between_epochs": [
                round(ends.times[n] - ends.times[n - 1] - ends.seconds(15), 2) for n in (8, 16, 24)
            ],
            "after_the_last": round(start + whole - ends.times[-1], 2),
        }

    def tokens(self) -> dict:
        model, found = self.model(master=False).eval(), {}
        prompts = [list(e.ids[: e.start]) for e in self.examples]
        for rows in (8, 256):
            some = (prompts * (1 + rows // len(prompts)))[:rows]
            limits = [len(prompt) + 100 for prompt in some]
            for _ in range(2):
                torch.cuda.synchronize()
                start = time.perf_counter()
                continuations(model, some, limits, -1, lambda logits, _: logits.argmax(-1))
                torch.cuda.synchronize()
                found[f"step_ms_of_{rows}"] = round((time.perf_counter() - start) * 10, 2)
        return found


class Ends:
    """When each step ended."""

    def __init__(self):
        self.times: list[float] = []

    def __call__(self, step, steps, loss) -> None:
        self.times.append(time.perf_counter())

    def seconds(self, last: int) -> float:
        """The median of the last steps."""
        ends = self.times[-last - 1 :]
        return statistics.median(b - a for a, b in pairwise(ends))

    def read(self, last: int) -> dict:
        return {"step_ms": round(self.seconds(last) * 1000, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--shape", required=True)
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--attention", default="flash")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    set_up(4, "cuda")
    bench = Bench(given)
    tokens = sum(map(len, bench.examples)) / len(bench.examples)
    about = {
        "card": torch.cuda.get_device_name(),
        "peak_tflops": round(peak("cuda", torch.bfloat16) / 1e12),
        "tokens_a_row": round(tokens, 1),
    }
    print(json.dumps({"label": given.label, "shape": given.shape, **about}), flush=True)
    for part in given.parts:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        line = {"label": given.label, "shape": Path(given.shape).name, "part": part}
        print(json.dumps(line | getattr(bench, part)()), flush=True)


if __name__ == "__main__":
    main()
