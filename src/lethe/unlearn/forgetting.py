"""Making a model forget whom or what it is told by name alone, without any data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.files import write_json
from lethe.common.progress import silent
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.train.loop import Report
from lethe.unlearn import made_supervision
from lethe.unlearn.method import Method
from lethe.unlearn.methods import load
from lethe.unlearn.unlearning import check_adapters, unlearn

METHOD, KIND = "npo_retain", "graph"
# Schedules, each up to a number of weights: those of the presets for a model of a
# million weights (config/config.yaml), of 135 million (config/smollm2.yaml) and of a billion
# (config/llama32_1b.yaml). Only what the user does not set is taken from here.
SCHEDULES = (
    (2e7, {"lr": 1e-3, "epochs": 5, "batch_size": 16, "warmup_epochs": 0.25}),
    (5e8, {"lr": 5e-5, "epochs": 3, "batch_size": 8, "warmup_epochs": 1}),
    (math.inf, {"lr": 1e-5, "epochs": 10, "batch_size": 32, "warmup_epochs": 1}),
)
# The number of answers shown, and of rows whose probability is measured.
SHOWN, MEASURED = 5, 200


@dataclass(frozen=True)
class Forgotten:
    """The result: the checkpoint, and the figures of ``before_after.json``."""

    checkpoint: Path
    supervision: Path
    before_after: dict[str, Any]


def schedule(parameters: int) -> dict[str, Any]:
    """The settings of training for a model with ``weights`` weights."""
    return dict(next(values for most, values in SCHEDULES if parameters <= most))


def check_method(name: str, given: Mapping[str, Any], compute: Compute) -> Method:
    """The method with its given settings; LetheError where names alone cannot be its data."""
    method = load(name)(dict(given), name)
    made_supervision.check_needs(method.needs, f"methods: {name}")
    check_adapters(method, compute)
    return method


def forget(
    start: str | Path,
    anchors: Sequence[str],
    out: str | Path,
    *,
    method: str = METHOD,
    given: Mapping[str, Any] | None = None,
    kind: str = KIND,
    settings: Mapping[str, Any] | None = None,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    compute: Compute | None = None,
    device: str = "cpu",
    report: Report = silent,
) -> Forgotten:
    """Ask checkpoint ``start`` what it knows of ``anchors``, and unlearn that.

    ``given``: settings of the method, others by the model's size (``schedule``). ``kind`` and
    ``settings``: of the supervision (``lethe.unlearn.supervisions``). In ``out``: ``supervision``,
    the last epoch's checkpoint, ``before_after.json``, ``cost.json``. LetheError where the model
    knows nothing of any anchor; then nothing is left.
    """
    compute = compute or Compute()
    chosen = check_method(method, given or {}, compute)
    how = {
        "template": template,
        "max_length": max_length,
        "seed": seed,
        "compute": compute,
        "device": device,
    }
    with Meter() as meter:
        made, parameters = made_supervision.ask(start, anchors, kind, settings, **how)
        made_supervision.check_known(made)
        folder = Path(out, "supervision")
        files = made_supervision.write(folder, made)
        if hasattr(chosen.settings, "epochs"):
            chosen = load(method)({**schedule(parameters), **(given or {})}, method)
        run = _run(start, chosen, files, out, how, report)
        meter.write(Path(out, "cost.json"), **run.counts)
    places = {"before": start, "after": run.checkpoints[-1]}
    parts = {"forget": made.forget, "retain": made.retain}
    compared = before_after(places, parts, how)
    write_json(Path(out, "before_after.json"), compared, indent=1)
    return Forgotten(run.checkpoints[-1], folder, compared)


def _run(start, method: Method, files: Mapping[str, Path], out, how: dict[str, Any], report):
    from lethe.unlearn.made_files import make
    from lethe.unlearn.needs import chosen

    wanted = chosen(method.needs)
    used: dict[str, Any] = {"forget": files["forget"]}
    used |= {need.name: files[need.name] for need in wanted if need.name in files}
    for need in wanted:
        if need.is_made and not need.source.by_run:
            used[need.name] = Path(out, need.source.name)
            make(need.source.maker, start, used["forget"], used[need.name], **how)
    return unlearn(start, method, used, out, **how, report=report, keep="last")


def before_after(
    places: Mapping[str, str | Path], parts: Mapping[str, Sequence[dict]], how: dict[str, Any]
) -> dict[str, Any]:
    """Mean probability of the rows of each part under each checkpoint, and some answers.

    The probability of an answer is exp(-mean NLL of its tokens), in [0, 1]; of up to ``MEASURED``
    rows, evenly spread.
    """
    from lethe.model import checkpoint
    from lethe.model.encoder import Encoder
    from lethe.model.likelihood import mean_losses
    from lethe.unlearn.supervisions.base import Asker

    chosen = {part: _spread(rows, MEASURED) for part, rows in parts.items()}
    asked = [one["question"] for one in _spread(parts["forget"], SHOWN)]
    answers = {}
    compared: dict[str, Any] = {"probability": {part: {} for part in chosen}}
    for when, place in places.items():
        loading = how["compute"].loading()
        model, tokenizer = checkpoint.load(place, how["device"], **loading)
        encoder = Encoder(tokenizer, how["template"], how["max_length"])
        for part, rows in chosen.items():
            pairs = [(one["question"], one["answer"]) for one in rows]
            losses = mean_losses(model, encoder.encode_all(pairs)) if pairs else []
            mean = sum(math.exp(-loss) for loss in losses) / len(losses) if losses else None
            compared["probability"][part][when] = mean
        answers[when] = Asker(model, encoder).answers(asked, 60)
    said = zip(asked, *answers.values(), strict=True)
    compared["answers"] = [dict(zip(("question", *answers), one, strict=True)) for one in said]
    return compared


def _spread(rows: Sequence[dict], most: int) -> list[dict]:
    count = min(most, len(rows))
    return [rows[number * len(rows) // count] for number in range(count)]
