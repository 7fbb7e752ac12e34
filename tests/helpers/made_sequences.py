"""Made-up measures of a sequence of requests, for tests of its table, figure and claims."""

from pathlib import Path

from lethe.analysis.sequences import After, fresh, sequence
from lethe.metrics.base import CheckpointValues, MetricFile, write_metric

BEFORE, RETAIN, UTILITY = (0.9, 0.8, 0.7), 0.9, 0.6
# What is left of each request after each, of the retain set, and of utility.
COURSES = {
    "npo": (((0.3,), (0.4, 0.2), (0.5, 0.1, 0.1)), (0.8, 0.7, 0.6), (0.5, 0.4, 0.3)),
    "guard_it": (((0.5,), (0.5, 0.5), (0.5, 0.5, 0.5)), (0.9, 0.9, 0.9), (0.6, 0.6, 0.6)),
}
ORACLE = ((0.4, 0.3, 0.3), 0.9, 0.6)
REQUESTS = len(BEFORE)


# Shares of a request's value that are left of its questions by text and by picture.
PARTS = {"text": 1.0, "picture": 0.5}


def after(asked, retain: float, utility: float, parts=PARTS) -> After:
    """What the three metrics say after a request; ``parts``: of the modalities, none: of text."""
    values = {f"request{n}": value for n, value in enumerate(asked, start=1)}
    for modality, share in parts.items():
        own = {f"request{n}_by_{modality}": share * v for n, v in enumerate(asked, start=1)}
        values |= own
    made = {
        "requests": values,
        "probability": {"retain": retain},
        "model_utility": {"model_utility": utility},
    }
    return After(*(MetricFile(name, [CheckpointValues(1, 1, v)]) for name, v in made.items()))


def files(shift: float = 0.0) -> dict[str, MetricFile]:
    """The measures of full, an oracle and two methods; ``shift`` raises what methods keep."""
    full = after(BEFORE, RETAIN, UTILITY)
    made = {
        "full": fresh(full, {REQUESTS: full}),
        "without_asked": fresh(full, {REQUESTS: after(*ORACLE)}),
    }
    for run, (asked, retain, utility) in COURSES.items():
        kept = [value + shift for value in retain]
        steps = [after(*one) for one in zip(asked, kept, utility, strict=True)]
        made[run] = sequence(full, steps)
    return made


def write(folder: Path, seeds=(0,), model: str = "tiny") -> list[dict]:
    """Write the files of every seed; entries as the workflow lists them."""
    entries = []
    for place, seed in enumerate(seeds):
        for run, file in files(0.01 * place).items():
            quality = MetricFile(
                "forget_quality", [CheckpointValues(2, 8, {"forget_quality": 0.25})]
            )
            for split, one in (("requests", file), (f"request{REQUESTS}", quality)):
                path = folder / f"{run}_{seed}_{one.metric}.json"
                write_metric(path, one)
                nouns = {"model": model, "split": split, "run": run, "seed": seed}
                entries.append(
                    {"world": "made-up", **nouns, "metric": one.metric, "path": str(path)}
                )
    return entries
