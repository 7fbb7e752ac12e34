"""Newer methods on SmolLM2-135M: a few steps on a few rows of TOFU, each in a process of its own.

    PYTHONPATH=tests .venv/bin/python -m helpers.real_weights [RUN ...]

measures the runs named (all, without a name) and prints the table of docs/smollm2.md. The weights
are those of that page (``models/``), or ``LETHE_SMOLLM2`` names their GGUF file or a checkpoint.
"""

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from helpers.newer_methods import ADAPTERS, CAP, RUNS, method_of
from helpers.shared_data import SHARED

VARIABLE = "LETHE_SMOLLM2"
WEIGHTS = Path(__file__).parents[2] / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
WRITTEN = "cap, written"
REAL_RUNS = [*RUNS, WRITTEN]
# Of those whose steps take long: UCE's solve an equation for the head, OFMU's differentiate twice.
ONCE = {"epochs": 1}
FEWER = {
    "uce": {"steps": 20},
    # One epoch is warm-up: the assistant would not be trained.
    "uld": {"epochs": 8, "layers": None},
    "ofmu": {"ascents": 1, **ONCE},
    **dict.fromkeys(["null_space", "lat", "sam, pcgrad"], ONCE),
}
# Rows to forget and to retain, the shortest of TOFU's forget01 and of the first of retain99.
ROWS, AMONG = 4, 60
MAX_LENGTH = 144
SCHEDULE = {"epochs": 2, "lr": 5e-5, "batch_size": 2, "warmup_epochs": 0}
# Of adapters, which are new.
ADAPTED = {**SCHEDULE, "lr": 2e-3}
LEARNING = {"epochs": 4, "lr": 1e-4, "batch_size": 4, "warmup_epochs": 0}
PRELOADED = ["torch", "peft", "transformers.models.llama.modeling_llama", "lethe.model.checkpoint"]


@dataclass(frozen=True)
class Outcome:
    """What became of a run: mean losses of both sets (nats a token) at each state, and its cost.

    ``forget`` and ``retain``: before, after, and after loading what was saved. ``seconds`` of the
    processor: the median of a step, or all of the job where the method acts once. ``refusal``: the
    line with which it was refused, and nothing else then.
    """

    forget: tuple[float, ...] = ()
    retain: tuple[float, ...] = ()
    finite: bool = True
    changed: bool = False
    steps: int = 0
    seconds: float = 0.0
    cost: dict | None = None
    refusal: str = ""


def weights() -> Path | None:
    """The GGUF file or checkpoint with the real weights; None if there is none."""
    chosen = Path(os.environ.get(VARIABLE, WEIGHTS))
    return chosen if chosen.exists() else None


def apart(function, *arguments):
    """A function's value, from a new process in which libraries are loaded and nothing else is.

    So its peak of memory is its own.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def write_rows(folder: Path) -> dict[str, Path]:
    """The files of the rows and of refusals, by need."""
    files = {"refusals": SHARED / "data/tofu/idontknow.jsonl"}
    for need, name in {"forget": "forget01", "retain": "retain99"}.items():
        text = (SHARED / f"data/tofu/{name}.json").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()[:AMONG]]
        shortest = sorted(rows, key=lambda row: len(row["question"] + row["answer"]))[:ROWS]
        files[need] = folder / f"{need}.json"
        files[need].write_text("".join(json.dumps(row) + "\n" for row in shortest))
    return files


@dataclass(frozen=True)
class Learned:
    """A checkpoint that has learned the rows, their files, its mean losses and its weights' sum."""

    full: Path
    files: dict[str, Path]
    losses: tuple[float, float]
    total: float


def learn(source: Path, folder: Path) -> Learned:
    """Teach the real weights the rows, so that they can forget some."""
    from lethe.common.torch_setup import set_up
    from lethe.model import checkpoint
    from lethe.model.gguf_import import import_gguf
    from lethe.train.finetune import fit
    from lethe.train.settings import Schedule

    set_up(1)
    files, full = write_rows(folder), folder / "full"
    if source.is_file():
        import_gguf(source, folder / "base")
        source = folder / "base"
    files["prior"] = source
    model, tokenizer = checkpoint.load(source)
    examples = [row for some in encoded(tokenizer, files).values() for row in some]
    fit(model, examples, Schedule(**LEARNING), 0)
    checkpoint.save(full, model, tokenizer, {"stage": "finetune"})
    return Learned(full, files, _losses(model, full, files), _weights(model)[1])


def encoded(tokenizer, files: dict[str, Path]) -> dict[str, list]:
    """The tokenised rows, by set."""
    from lethe.model.encoder import Encoder
    from lethe.world.rows import read_pairs

    encoder = Encoder(tokenizer, "chat", MAX_LENGTH)
    return {name: encoder.encode_all(read_pairs(files[name])) for name in ("forget", "retain")}


def outcome(run: str, adapters: bool, start: Learned, folder: Path) -> Outcome:
    """What becomes of a run, on whole weights or with adapters; a refusal is an outcome, too."""
    from lethe.common.errors import LetheError

    try:
        return _run(run, adapters, start, folder)
    except LetheError as error:
        return Outcome(refusal=str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(run: str, adapters: bool, start: Learned, folder: Path) -> Outcome:
    from lethe.common.torch_setup import set_up
    from lethe.model import checkpoint
    from lethe.model.cost import Meter
    from lethe.model.settings import Compute
    from lethe.unlearn.unlearning import unlearn

    set_up(1)
    full, method = start.full, _method(run, ADAPTED if adapters else SCHEDULE, start.full)
    files = {n: file for n, file in start.files.items() if n in ("forget", *method.needs)}
    compute, times, ends = Compute(lora=ADAPTERS if adapters else None), [], []

    def ended(epoch, step, model):
        if epoch == method.epochs:
            ends.append((_losses(model, full, start.files), _weights(model)))

    with Meter() as meter:
        done = unlearn(
            full, method, files, folder, max_length=MAX_LENGTH, compute=compute, keep="last",
            report=lambda *step: times.append(time.process_time()), ended=ended,
        )  # fmt: skip
        cost = meter.read(**done.counts)
    (after, (finite, total)), saved = ends[0], checkpoint.load(done.checkpoints[-1])[0]
    forget, retain = zip(start.losses, after, _losses(saved, full, start.files), strict=True)
    gaps = sorted(end - begin for begin, end in pairwise(times))
    seconds = gaps[len(gaps) // 2] if gaps else cost["cpu_seconds"]
    return Outcome(forget, retain, finite, total != start.total, len(times), seconds, cost)


def _method(run: str, schedule: dict, full: Path):
    if run != WRITTEN:
        return method_of(run, schedule, **FEWER.get(run, {}))
    # The model itself, as the language model that writes the prefixes.
    little = {"anchors": 1, "updates": 1, "negatives": 1, "iterations": 2}
    return method_of("cap", schedule, **CAP | little | {"policy": str(full)})


def _losses(model, full: Path, files: dict[str, Path]) -> tuple[float, float]:
    """Mean losses of the rows to forget and to retain, nats a token."""
    from lethe.model import checkpoint
    from lethe.model.intervention import carried_by, tell
    from lethe.model.likelihood import mean_losses

    tokenizer = checkpoint.load_tokenizer(full)
    tell(tokenizer, carried_by(model))
    model.eval()
    forget, retain = encoded(tokenizer, files).values()
    return tuple(sum(mean_losses(model, some)) / ROWS for some in (forget, retain))


def _weights(model) -> tuple[bool, float]:
    """Whether all weights are finite, and the sum of the absolute values of all but adapters'."""
    import torch

    finite = all(torch.isfinite(p).all() for p in model.parameters())
    own = (p.detach() for name, p in model.named_parameters() if "lora_" not in name)
    return finite, sum(p.abs().sum(dtype=torch.float64).item() for p in own)


def table(found: dict[str, dict[bool, Outcome]]) -> str:
    """The table of docs/smollm2.md: of each run, whole weights and adapters."""
    head = ["method", "seconds a step", "steps", "peak memory", "forget loss", "retain loss"]
    lines = ["| " + " | ".join([*head, "with adapters"]) + " |", "|---" * 7 + "|"]
    for run, outcomes in found.items():
        whole, adapted = outcomes[False], outcomes[True]
        lines.append(
            "| " + " | ".join([f"`{run}`", *_cells(whole), _under_adapters(adapted)]) + " |"
        )
    return "\n".join(lines)


def _cells(of: Outcome) -> list[str]:
    if of.refusal:
        return [f"refused: {of.refusal}", *[""] * 4]
    memory = f"{of.cost['peak_memory_mib'] / 1024:.1f} GB"
    losses = [f"{before:.3f} → {after:.3f}" for before, after, _ in (of.forget, of.retain)]
    seconds = f"{of.seconds:.1f}" if of.steps > 1 else f"{of.seconds:.1f}, all"
    return [seconds, str(of.steps), memory, *losses]


def _under_adapters(of: Outcome) -> str:
    seconds, _, memory, forget, _ = _cells(of)
    return seconds if of.refusal else f"{seconds}; {memory}; {forget}"


def main(chosen: list[str]) -> None:
    """Measure runs one after the other, and print the table."""
    source, found = weights(), {}
    if source is None:
        raise SystemExit(f"{WEIGHTS}: no such file; docs/smollm2.md says how to get it")
    with tempfile.TemporaryDirectory() as folder:
        start = apart(learn, source, Path(folder))
        for run in chosen or REAL_RUNS:
            found[run] = {}
            for adapters in (False, True):
                begun = time.perf_counter()
                of = apart(outcome, run, adapters, start, Path(folder, "run"))
                found[run][adapters] = of
                spent = time.perf_counter() - begun
                print(run, adapters, f"{spent:.0f} s", of, file=sys.stderr, flush=True)
    print(table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
