"""How the time of each stage grows: with authors, weights, methods, seeds and runs, eightfold.

Processor time of one process, the lesser of two rounds; of a dry run for methods and seeds, whose
jobs have nothing to do with each other. The exponent is the slope of log time over log size, by
least squares: 1 is linear. What is the same at every size (loading, compiling a plan's rules) draws
it down, so the last column has the slope of the last doubling alone.

    .venv/bin/python benchmarks/growth.py [authors] [weights] [methods] [seeds] [runs]
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from graph import lethe_folder, overlay, snakemake

from lethe import metrics
from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.scores import collect_scores
from lethe.common.files import read_rows
from lethe.common.torch_setup import set_up
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records
from lethe.evaluate.suite import Limits
from lethe.metrics.base import CheckpointValues, MetricFile, write_metric
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.generate import continuations
from lethe.model.likelihood import mean_losses
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise
from lethe.world.provider import provider
from lethe.world.tofu_format import write_world

ROUNDS = 2
SMALL = {"hidden_size": 64, "layers": 2, "heads": 2, "intermediate_size": 128, "vocabulary": 1024}
SCHEDULE = Schedule(epochs=1, lr=1e-3, batch_size=32)
Times = dict[str, float]


def seconds(work: Callable) -> float:
    """Processor seconds of the faster of some calls."""
    best = math.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def of_authors(count: int) -> Times:
    """Each stage for a world of so many authors, of which a tenth is forgotten."""
    with tempfile.TemporaryDirectory() as folder:
        source = provider("synthetic", seed=0)
        write = partial(write_world, source, folder, count, count // 10, count // 10)
        found = {"world": seconds(write)}
        rows = {f.stem: read_rows(f) for f in Path(folder).glob("*.json") if f.stem != "card"}
    pairs = rows_to_pairs(rows["full"])
    sizes = Architecture(**SMALL)
    tokenizer = train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    encode = lambda: Encoder(tokenizer, "chat", 128)  # noqa: E731
    found["tokens"] = seconds(lambda: encode().encode_all(pairs))
    examples = encode().encode_all(pairs)
    found["training"] = seconds(lambda: fit(make_model(sizes, tokenizer, 0), examples, SCHEDULE, 0))
    share = len(pairs) // 10
    data = supervise(encode(), ("retain",), pairs[-share:], retain=pairs[:-share])
    method = methods.load("grad_diff")({"epochs": 1, "batch_size": 16})
    model = make_model(sizes, tokenizer, 0)
    found["unlearning"] = seconds(lambda: list(method.run(model, data, 0)))
    sets = {
        "forget": rows["full_perturbed"][-share:],
        "retain": rows["retain_perturbed"],
        "real_authors": rows["real_authors_perturbed"][:20],
        "world_facts": rows["world_facts_perturbed"][:20],
    }
    evaluation = Evaluation("tofu", encode(), sets, Limits(96))
    found["evaluation"] = seconds(lambda: evaluation(model))
    records = Records("tofu", [evaluation(model)])
    for name in ("probability", "rouge", "truth_ratio"):
        found[name] = seconds(lambda name=name: metrics.compute(name, records))
    ratios = {"truth_ratio": metrics.compute("truth_ratio", records)}
    quality = partial(metrics.compute, "forget_quality", None, ratios, ratios)
    found["forget_quality"] = seconds(quality)
    return found


def of_weights(width: int) -> Times:
    """Training and evaluation of a model whose weights grow with the square of its width."""
    with tempfile.TemporaryDirectory() as folder:
        write_world(provider("synthetic", seed=0), folder, 20, 2, 2)
        pairs = rows_to_pairs(read_rows(Path(folder) / "full.json"))[:256]
    tokenizer = train_tokenizer((f"{q} {a}" for q, a in pairs), 512)
    sizes = Architecture(
        hidden_size=width, layers=4, heads=4, intermediate_size=3 * width, vocabulary=512
    )
    encoder = Encoder(tokenizer, "chat", 128)
    examples = encoder.encode_all(pairs)
    model = make_model(sizes, tokenizer, 0)
    prompts = [list(example.ids[: example.start]) for example in examples[:64]]
    end = len(tokenizer) - 1

    def never_ending(logits, rows):
        return logits[:, :end].argmax(-1)

    return {
        "size": sum(p.numel() for p in model.parameters()),
        "training": seconds(lambda: fit(model, examples, SCHEDULE, 0)),
        "likelihood": seconds(lambda: mean_losses(model, examples)),
        "generation": seconds(lambda: continuations(model, prompts, 64, end, never_ending)),
    }


def planned(settings: dict) -> Times:
    """A dry run of the default configuration with these settings, and how many jobs it has."""
    with tempfile.TemporaryDirectory() as folder:
        copy = lethe_folder(Path(folder) / "lethe", settings)
        snakemake(copy, "-n", *overlay(copy))  # contracts and digests are kept from now on
        spent, told = snakemake(copy, "-n", "--quiet", "rules", *overlay(copy))
    jobs = next(line.split()[-1] for line in told.splitlines() if line.startswith("total"))
    return {"size": float(jobs), "dry run": spent}


def of_methods(count: int) -> Times:
    names = [f"npo_{number}" for number in range(count)]
    each = {name: {"method": "npo", "beta": 0.1 + number} for number, name in enumerate(names)}
    return planned({"methods": names, "method_settings": each})


def of_seeds(count: int) -> Times:
    return planned({"seeds": list(range(count)), "methods": ["npo"]})


def of_runs(count: int) -> Times:
    """What gathers the metric files of all runs (methods times seeds), of 120 items each."""
    values = np.linspace(0.1, 0.9, 120).tolist()
    checkpoint = CheckpointValues(1, 10, {"forget": 0.5}, {"forget": values})
    with tempfile.TemporaryDirectory() as folder:
        entries = []
        for number in range(count):
            path = Path(folder) / f"{number}.json"
            write_metric(path, MetricFile("probability", [checkpoint], {}))
            place = {"world": "w", "model": "m", "split": "forget10", "run": f"npo_{number}"}
            entries.append({**place, "seed": 0, "metric": "probability", "path": str(path)})
        return {
            "scores": seconds(lambda: collect_scores(entries)),
            "intervals": seconds(lambda: collect_intervals(entries)),
        }


SIZES = {
    "authors": (of_authors, (25, 50, 100, 200)),
    "weights": (of_weights, (64, 128, 192, 256)),
    "methods": (of_methods, (8, 16, 32, 64)),
    "seeds": (of_seeds, (2, 4, 8, 16)),
    "runs": (of_runs, (32, 64, 128, 256)),
}


def slope(sizes: list[float], times: list[float]) -> float:
    """Least squares of log time over log size."""
    xs, ys = [math.log(x) for x in sizes], [math.log(max(y, 1e-9)) for y in times]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum(
        (a - x) ** 2 for a in xs
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help=", ".join(SIZES))
    set_up(1)
    for name in parser.parse_args().names or SIZES:
        measure, counts = SIZES[name]
        found = [measure(count) for count in counts]
        sizes = [times.pop("size", count) for count, times in zip(counts, found, strict=True)]
        print(f"{name}: {' '.join(f'{size:.0f}' for size in sizes)}")
        for stage in found[0]:
            times = [each[stage] for each in found]
            last = slope(sizes[-2:], times[-2:])
            told = " ".join(f"{value:8.3f}" for value in times)
            print(f"  {stage:15} {told} s  exponent {slope(sizes, times):.2f}, last {last:.2f}")


if __name__ == "__main__":
    main()
