"""How fast a checkpoint is evaluated on TOFU's sets, against a straightforward implementation.

That one makes a pass for each of answer, paraphrase and every wrong answer, in batches of 32 rows
as they come, with logits of all tokens; it generates in batches of 32, up to 200 tokens, with
transformers' defaults. Both sides run in turn on one thread; the least processor time of the rounds
counts, since other processes inflate every other figure.

    .venv/bin/python benchmarks/evaluation.py DATA CHECKPOINT [CHECKPOINT ...] [--rows N]
        [--device cuda --dtype bfloat16 --attention flash]

DATA is a folder in TOFU's format, a CHECKPOINT one of a run on it (`snakemake --configfile
config/tofu_tiny.yaml`): a full model, and one after gradient ascent, which never ends an answer.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from lethe.common.files import read_rows
from lethe.common.torch_setup import set_up
from lethe.evaluate.suites import tofu
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy
from lethe.model.onednn import undo_onednn

FILES = {**tofu.SETS, "forget": "forget10_perturbed"}
BATCH, MAX_LENGTH, ROUNDS = 32, 200, 2


def straightforward_losses(model, encoder: Encoder, probes) -> list[float]:
    """Mean loss of every answer of every probe, column by column, in the order of the probes."""
    width = max(len(probe.answers()) for probe in probes)
    found: dict[tuple[int, int], float] = {}
    for column in range(width):
        rows = [row for row, probe in enumerate(probes) if column < len(probe.answers())]
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            pairs = [(probes[row].question, probes[row].answers()[column]) for row in part]
            for row, value in zip(part, _losses(model, encoder.encode_all(pairs)), strict=True):
                found[row, column] = value
    return [found[row, k] for row, probe in enumerate(probes) for k in range(len(probe.answers()))]


def _losses(model, examples) -> list[float]:
    longest = max(map(len, examples))
    ids = torch.tensor([[*e.ids, *[0] * (longest - len(e))] for e in examples])
    text = torch.tensor([[1] * len(e) + [0] * (longest - len(e)) for e in examples])
    place = torch.arange(longest, device=model.device)
    starts = torch.tensor([e.start for e in examples], device=model.device)
    ids, text = ids.to(model.device), text.to(model.device)
    answer = (text > 0) & (place >= starts[:, None])
    labels = torch.where(answer, ids, -100)[:, 1:]
    logits = model(input_ids=ids, attention_mask=text).logits[:, :-1].float()
    # Along the last dimension: along another torch adds up the vocabulary one by one, which loses
    # what is small.
    nll = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
    return (nll.sum(1) / (labels != -100).sum(1)).tolist()


def straightforward_answers(model, encoder: Encoder, probes) -> list[list[int]]:
    """What transformers' own greedy generation says to each question."""
    found = []
    there = partial(torch.tensor, device=model.device)
    for start in range(0, len(probes), BATCH):
        prompts = [encoder.prompt_ids(p.question) for p in probes[start : start + BATCH]]
        longest = max(map(len, prompts))
        pads = [longest - len(prompt) for prompt in prompts]
        out = model.generate(
            input_ids=there([[0] * n + p for n, p in zip(pads, prompts, strict=True)]),
            attention_mask=there([[0] * n + [1] * (longest - n) for n in pads]),
            max_length=MAX_LENGTH,
            do_sample=False,
            eos_token_id=encoder.end,
            pad_token_id=encoder.end,
        )
        found += [row[longest:].tolist() for row in out]
    return found


def generated(model, prepared, end: int, own: list[int]) -> list[list[int]]:
    """What the suite has a model say: from where it leaves the true answer."""
    begun = tofu.beginnings(prepared, own)
    return greedy(model, prepared.prompts, MAX_LENGTH, end, begun=begun)


def timed(work: Callable) -> tuple[float, list]:
    """Seconds of ``work()``, of the processor or, with a GPU, of the wall; what it returns."""
    clock = time.perf_counter if torch.cuda.is_initialized() else time.process_time
    start = clock()
    found = work()
    return clock() - start, found


def differing(ours: list[list[int]], theirs: list[list[int]], end: int) -> int:
    """How many answers are not the same.

    With transformers padding counts in the length at which rows end: such rows are compared as far
    as they go.
    """

    def same(own: list[int], other: list[int]) -> bool:
        return own == other[: other.index(end)] if end in other else own[: len(other)] == other

    return sum(not same(*pair) for pair in zip(ours, theirs, strict=True))


@torch.inference_mode()
def measure(folder: Path, source: str, rows: int | None, loading: dict) -> None:
    """Print both sides' seconds for one checkpoint, and how far their values are apart."""
    ours, tokenizer = checkpoint.load(source, **loading)
    theirs, _ = checkpoint.load(source, **loading)
    theirs.set_attn_implementation("sdpa")
    undo_onednn(theirs)
    encoder = Encoder(tokenizer, checkpoint.template_of(source), MAX_LENGTH)
    sets = {name: read_rows(folder / f"{file}.json")[:rows] for name, file in FILES.items()}
    probes = [p for some in tofu.prepare(encoder, sets).probes.values() for p in some]

    def prepared():
        return tofu.prepare(Encoder(tokenizer, checkpoint.template_of(source), MAX_LENGTH), sets)

    # Made once, as of a run's checkpoints: likelihood, which is timed first, pays for both.
    ready = prepared()
    known = ready.likelihood(ours).own
    sides = {
        "likelihood": (
            lambda: straightforward_losses(theirs, encoder, probes),
            lambda: prepared().likelihood(ours).loss,
        ),
        "generation": (
            lambda: straightforward_answers(theirs, encoder, probes),
            lambda: generated(ours, ready, encoder.end, known),
        ),
    }
    print(f"{source}: {len(probes)} questions")
    total = [0.0, 0.0]
    for name, works in sides.items():
        rounds = [[timed(work) for work in works] for _ in range(ROUNDS)]
        plain, own = (min(seconds for seconds, _ in side) for side in zip(*rounds, strict=True))
        total = [total[0] + plain, total[1] + own]
        (_, theirs_found), (_, ours_found) = rounds[0]
        if name == "likelihood":
            pairs = list(zip(ours_found, theirs_found, strict=True))
            apart = max(abs(a - b) / max(1, b) for a, b in pairs)
            remark = f"losses apart by {apart:.1e} at the most"
        else:
            tokens = sum(map(len, ours_found))
            wrong = differing(ours_found, theirs_found, encoder.end)
            remark = f"{tokens} tokens, {wrong} answers differ"
        print(f"  {name}: {plain:.2f} s -> {own:.2f} s, ratio {plain / own:.2f}; {remark}")
    print(f"  together: ratio {total[0] / total[1]:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--rows", type=int, help="of each set at the most")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--attention", default="sdpa")
    given = parser.parse_args()
    loading = {key: getattr(given, key) for key in ("device", "dtype", "attention")}
    set_up(1, given.device)
    for source in given.checkpoints:
        measure(given.data, source, given.rows, loading)


if __name__ == "__main__":
    main()
