"""Peak memory of training and evaluation beside the least that they need.

Each stage runs in a process of its own: what it takes is its peak beyond that of a process that has
done the imports and loaded the data. The floor of a training is weights, gradients and AdamW's two
moments (16 bytes a weight in float32) and what a step's forward pass keeps for its gradients
(counted tensor by tensor); that of an evaluation the weights and, for generation, keys and values.

    .venv/bin/python benchmarks/memory.py FILE [--checkpoint FOLDER_OR_GGUF] [--rows N] [--batch N]

FILE holds rows with question and answer. Without a checkpoint it is the default tiny model.
"""

import argparse
import resource
import subprocess
import sys

import torch

from lethe.common.files import read_rows
from lethe.common.torch_setup import set_up
from lethe.model import checkpoint
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer
from lethe.model.batch import pack
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.forward import Forward
from lethe.model.generate import greedy, place_bytes, rows_at_a_time
from lethe.model.likelihood import mean_losses
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise

LENGTH = 200
MIB = 2**20


class Work:
    """The model and what it is given."""

    def __init__(self, given):
        pairs = rows_to_pairs(read_rows(given.file))[: given.rows]
        if given.checkpoint:
            source = given.checkpoint
            self.tokenizer, template = (
                checkpoint.load_tokenizer(source),
                checkpoint.template_of(source),
            )
            self.load = lambda: checkpoint.load(source)[0]
        else:
            self.tokenizer, template = train_tokenizer((f"{q} {a}" for q, a in pairs), 2048), "chat"
            self.load = lambda: make_model(Architecture(), self.tokenizer, 0)
        self.encoder = Encoder(self.tokenizer, template, LENGTH)
        self.pairs, self.batch, self.budget = pairs, given.batch, given.part_tokens
        self.examples = self.encoder.encode_all(pairs)

    def __call__(self, stage: str) -> float:
        """Do the stage; return its floor in bytes."""
        if stage == "nothing":
            return 0.0
        model = self.load()
        weights = sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())
        schedule = Schedule(epochs=1, lr=1e-4, batch_size=self.batch)
        how = Execution(self.budget)
        if stage == "training":
            fit(model, self.examples, schedule, 0, how=how)
            return 16 * weights + self.kept(model)
        if stage in ("npo", "grad_diff", "kl_min"):
            method = methods.load(stage)({"epochs": 1, "batch_size": self.batch})
            half = len(self.pairs) // 2
            data = supervise(
                self.encoder, method.needs, self.pairs[:half], retain=self.pairs[half:]
            )
            for _ in method.run(model, data, 0, lambda *told: None, how):
                pass
            # Both losses of a step, and what a frozen copy of the start holds.
            losses = 1 + ("retain" in method.needs)
            copy = 4 * weights if stage == "kl_min" else 0
            return 16 * weights + copy + losses * self.kept(model)
        if stage == "likelihood":
            mean_losses(model, self.examples)
            return 4.0 * weights
        assert stage == "generation"
        prompts = [self.encoder.prompt_ids(question) for question, _ in self.pairs]
        greedy(model, prompts, LENGTH, self.encoder.end)
        rows = min(len(prompts), rows_at_a_time(model, LENGTH))
        return 4.0 * weights + rows * LENGTH * place_bytes(model)

    def kept(self, model) -> int:
        """Bytes that a forward pass over the largest part of a step keeps, weights left out."""
        largest = sorted(self.examples, key=len)[-self.batch :]
        parts = Execution(self.budget).parts({"a": largest}, {"a": range(len(largest))})
        own = {p.untyped_storage().data_ptr() for p in model.parameters()}
        most = 0
        for part in parts:
            sizes: dict[int, int] = {}

            def note(tensor, sizes=sizes):
                storage = tensor.untyped_storage()
                sizes[storage.data_ptr()] = storage.nbytes()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
                Forward(model.train()).answers(part["a"]).mean_nll()
            most = max(most, sum(size for place, size in sizes.items() if place not in own))
        return most


STAGES = ("training", "npo", "grad_diff", "kl_min", "likelihood", "generation")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--checkpoint")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--part-tokens", type=int, default=4096)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    given = parser.parse_args()
    set_up(1)
    if given.stage:
        work = Work(given)
        # A first pass of something tiny: kernels and their buffers are no stage's.
        warm = make_model(Architecture(hidden_size=32, layers=1), work.tokenizer, 0)
        Forward(warm).answers(pack(work.examples[:1])).mean_nll().backward()
        before = peak()
        floor = work(given.stage)
        print(before, peak(), floor)
        return
    print(f"{'':12} {'floor':>8} {'beyond the imports':>19} {'whole process':>14}  MiB")
    for stage in STAGES:
        command = [sys.executable, __file__, *sys.argv[1:], "--stage", stage]
        told = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        before, after, floor = map(float, told.split()[-3:])
        taken = after - before
        print(
            f"{stage:12} {floor / MIB:8.0f} {taken / MIB:19.0f} {after / MIB:14.0f}"
            f"  {taken / floor:.2f} times the floor",
            flush=True,
        )


if __name__ == "__main__":
    main()
