"""What a GPU takes for steps, checkpoints and generation, with random weights in a model's shape.

    .venv/bin/python benchmarks/gpu.py FILE [--shapes FOLDER ...] [--against SRC] [--rounds N]
        [--parts train bf16 method save tokens] [--sides plain graphs compiled both trainer]
        [--rows N] [--batch N] [--attention flash] [--budget SECONDS]

FILE holds rows with question and answer; a FOLDER the config.json of a model, by default the shapes
of SmolLM2-135M and Llama-3.2-1B. The sides take turns in one process: `plain`, every pass as it is;
`graphs`, with `cuda_graphs`; `compiled`, with compiled layers; `both`; `trainer`, transformers'
Trainer with the same rows. With --against `other`, in a process of its own after that one, is the
version whose folder `src` that is. Of every number the median over the rounds is printed, and its
ratio to `plain`'s. --budget: seconds after which no round begins.

train, bf16: milliseconds of a fine-tuning step with float32 master weights, and in bfloat16 alone;
method: of a gradient difference step; each with its peak memory, and the seconds of the first step,
which compiles; save: seconds of four epochs that each leave a checkpoint, and of those besides the
steps; tokens: milliseconds of a generation step with 8 and with 256 rows, and whether all sides
generate the same tokens.
"""

import argparse
import gc
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from training import clock, needed, peak, ready, trainer
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig

from lethe.common.files import read_rows
from lethe.common.torch_setup import set_up
from lethe.model import attached
from lethe.model.architectures.llama import Architecture, train_tokenizer
from lethe.model.attention import use_packing
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.generate import continuations
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import leave_checkpoints

OURS = ("plain", "graphs", "compiled", "both", "other")
# The parts, and the sides that each can tell apart.
SIDES = {
    "train": (*OURS, "trainer"),
    "bf16": OURS,
    "method": OURS,
    "save": ("plain", "graphs", "other"),
    "tokens": ("plain", "graphs", "other"),
}
# Steps of a training, tokens of an answer.
STEPS, TOKENS = 40, 100
END = 1
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
}
# hidden size, that of the feed-forward part, layers, heads, heads of keys, vocabulary.
SHAPES = {
    "135M": (576, 1536, 30, 9, 3, 49152, None),
    "1B": (2048, 8192, 16, 32, 8, 128256, LLAMA3),
}


def shape(name: str):
    """A configuration by name, or from a folder."""
    if name not in SHAPES:
        return AutoConfig.from_pretrained(name)
    hidden, inner, layers, heads, keys, vocabulary, rope = SHAPES[name]
    return LlamaConfig(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=keys,
        vocab_size=vocabulary,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
        **({} if rope is None else {"rope_parameters": rope}),
    )


class Bench:
    """One shape, its rows and the device."""

    def __init__(self, given):
        self.given, self.device, self.side = given, given.device, "plain"
        rows = rows_to_pairs(read_rows(given.file))[: given.rows]
        self.tokenizer = train_tokenizer((f"{q} {a}" for q, a in rows), Architecture().vocabulary)
        self.encoder = Encoder(self.tokenizer, "chat", 256)
        self.pairs, self.examples = rows, self.encoder.encode_all(rows)

    def model(self, master: bool = True):
        """Random weights, ready to train in bfloat16."""
        config = shape(self.given.shapes[0])
        torch.manual_seed(0)
        with torch.device(self.device):
            model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        if self.side in ("plain", "graphs", "compiled", "both"):
            attached.update_model(model, cuda_graphs=self.side in ("graphs", "both"), compile=False)
        settings = argparse.Namespace(
            device=self.device, dtype="bfloat16", attention=self.given.attention, lora=None,
            gradient_checkpointing=False,
        )  # fmt: skip
        if master:
            ready(model, settings)
        else:
            use_packing(model, self.given.attention)
        if self.side in ("compiled", "both"):
            from lethe.model.compiling import compile_layers

            compile_layers(model)
        return model

    def schedule(self, epochs: int) -> Schedule:
        return Schedule(epochs=epochs, lr=1e-5, batch_size=self.given.batch, weight_decay=0)

    def train(self, master: bool = True) -> dict:
        model, ends = self.model(master), Ends()
        operations = needed(model, self.examples) * self.given.batch / len(self.examples)
        if self.side == "trainer":
            trainer(model, self.examples, self.schedule(1), ends)
        else:
            per_epoch = -(-len(self.examples) // self.given.batch)
            fit(model, self.examples, self.schedule(-(-STEPS // per_epoch)), 0, ends)
        each = ends.seconds(STEPS // 3)
        return {"step_ms": each * 1000, "tflops": operations / each / 1e12} | ends.more()

    def bf16(self) -> dict:
        return self.train(master=False)

    def _method(self, epochs: int, rows: int):
        settings = {"epochs": epochs, "lr": 1e-5, "batch_size": self.given.batch}
        method = methods.load("grad_diff")(settings)
        half = self.pairs[len(self.pairs) // 2 :]
        data = supervise(self.encoder, method.needs, self.pairs[:rows], retain=half)
        return method, data

    def method(self) -> dict:
        model, ends = self.model(), Ends()
        method, data = self._method(3, 10 * self.given.batch)
        for _ in method.run(model, data, 0, ends):
            pass
        return {"step_ms": ends.seconds(10) * 1000} | ends.more()

    def save(self) -> dict:
        model, ends = self.model(), Ends()
        method, data = self._method(4, 8 * self.given.batch)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            place = lambda epoch: Path(folder, f"epoch{epoch}")  # noqa: E731
            leave_checkpoints(method, model, self.tokenizer, data, 0, {}, place, ends)
            whole = time.perf_counter() - start
        each = ends.seconds(15)
        # The first epoch sets up libraries, and records where that is asked for.
        between = [ends.times[n] - ends.times[n - 1] - each for n in (16, 24)]
        return {
            "seconds": whole,
            "epoch_ms": each * 8 * 1000,
            "besides_ms": statistics.mean(between) * 1000,
            "after_the_last_ms": (start + whole - ends.times[-1]) * 1000,
        }

    def tokens(self) -> dict:
        model, found = self.model(master=False).eval(), {}
        prompts = [list(e.ids[: e.start]) for e in self.examples]
        answers = []
        for rows in (8, 256):
            some = (prompts * (1 + rows // len(prompts)))[:rows]
            limits = [len(prompt) + TOKENS for prompt in some]
            for _ in range(2):
                start = clock(self.device)
                answers = continuations(model, some, limits, END, unending)
                found[f"step_ms_of_{rows}"] = (clock(self.device) - start) * 1000 / TOKENS
        return found | {"tokens": hashlib.sha256(json.dumps(answers).encode()).hexdigest()[:8]}


def unending(logits, rows):
    """The likeliest token but the padding and the end, which are the first two."""
    return logits[:, END + 1 :].argmax(-1) + END + 1


class Ends:
    """When each step ended."""

    def __init__(self):
        self.start, self.times = time.perf_counter(), []

    def __call__(self, step, steps, loss) -> None:
        self.times.append(time.perf_counter())

    def seconds(self, last: int) -> float:
        """The median of the last steps."""
        ends = self.times[-last - 1 :]
        return statistics.median(b - a for a, b in pairwise(ends))

    def more(self) -> dict:
        """Seconds to the end of the first step, and the peak of memory."""
        peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        return {"first_s": self.times[0] - self.start, "peak_gib": peak / 2**30}


def measure(given) -> None:
    """The sides in turns in this process: a line of JSON for each part of each."""
    set_up(4, given.device)
    bench = Bench(given)
    about = {
        "card": torch.cuda.get_device_name() if given.device == "cuda" else "processor",
        "torch": torch.__version__,
        "peak_tflops": peak(given.device, torch.bfloat16) / 1e12,
        "tokens_a_row": sum(map(len, bench.examples)) / len(bench.examples),
    }
    name = "other" if given.sides == ["other"] else "plain"
    print(json.dumps({"side": name, "part": "about", **about}), flush=True)
    for part in given.parts:
        for bench.side in given.sides:
            if bench.side not in SIDES[part]:
                continue
            if given.device == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            try:
                found = getattr(bench, part)()
            except Exception as error:
                print(f"{bench.side} {part}: {error!r}"[:500], flush=True)
                continue
            print(json.dumps({"side": bench.side, "part": part, **found}), flush=True)
            gc.collect()


def lines(given, other: bool, name: str) -> list[dict]:
    """What a process prints of its sides; of one that fails what it did so far."""
    source = given.against if other else Path(__file__).parents[1] / "src"
    paths = [str(source), os.environ.get("PYTHONPATH", "")]
    sides = ["other"] if other else given.sides
    command = [sys.executable, __file__, *sys.argv[1:], "--here", "--shapes", name]
    found = []
    with subprocess.Popen(
        [*command, "--sides", *sides],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            # Whatever ends this process early leaves these.
            print(f"{name} {line.strip()}", flush=True)
            found += [json.loads(line)] if line.startswith("{") else []
    return found


def told(name: str, found: dict[tuple, list]) -> None:
    """Medians of the rounds, and ratios to the plain side."""
    for (side, part, key), values in found.items():
        if isinstance(values[0], str):
            print(f"{name:>6} {part} {key} {side}: {sorted(set(values))}", flush=True)
            continue
        middle, plain = statistics.median(values), found.get(("plain", part, key))
        ratio = "" if not plain else f"  {middle / (statistics.median(plain) or 1):.2f} of plain"
        print(f"{name:>6} {part} {key} {side}: {middle:.2f}{ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--shapes", nargs="*", default=[*SHAPES])
    parser.add_argument("--parts", nargs="*", default=[*SIDES], choices=SIDES)
    parser.add_argument("--against")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--budget", type=float, default=float("inf"))
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--attention", default="flash")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sides", nargs="*", default=SIDES["train"], choices=SIDES["train"])
    parser.add_argument("--here", action="store_true", help="measure the sides in this process")
    given = parser.parse_args()
    if given.here:
        measure(given)
        return
    given.sides = [side for side in given.sides if side != "other"]
    start = time.monotonic()
    for name in given.shapes:
        found: dict[tuple, list] = {}
        for number in range(given.rounds):
            if number and time.monotonic() - start > given.budget:
                break
            for other in (False, True) if given.against else (False,):
                for line in lines(given, other, name):
                    side, part = line.pop("side"), line.pop("part")
                    for key, value in line.items():
                        found.setdefault((side, part, key), []).append(value)
        told(name, found)


if __name__ == "__main__":
    main()
