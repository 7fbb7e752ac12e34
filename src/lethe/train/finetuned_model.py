"""Fine-tuning a checkpoint on all authors (full) or on the retain authors (the oracle)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.progress import silent
from lethe.model import checkpoint, checkpoint_record
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train import recipe
from lethe.train.execution import Execution
from lethe.train.finetune import training_pairs
from lethe.train.lesson import Lesson
from lethe.train.loop import Report
from lethe.train.settings import Finetuning


def finetune(
    start: str | Path,
    rows: Sequence[dict],
    out: str | Path,
    *,
    facts: Sequence[dict] = (),
    settings: Finetuning | None = None,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    compute: Compute | None = None,
    device: str = "cpu",
    how: Execution | None = None,
    report: Report = silent,
    stage: str = "finetune",
    parent: str | None = None,
    data: str | None = None,
    files: Mapping[str, Sequence[dict]] | None = None,
    split: str | None = None,
) -> dict[str, float]:
    """Train the checkpoint ``start`` on the answers of ``rows`` and save it at ``out``.

    ``rows``, and ``facts`` beside them, have ``question`` and ``answer``; ``files`` are the rows of
    the world's files that the recipe of ``settings`` needs, by name. The other arguments are for
    the checkpoint's record: ``stage`` is ``train_full`` for a model that learns all authors,
    ``train_retain`` for an oracle; ``parent`` is what provenance calls ``start`` (None: as
    ``checkpoint_record.name_of``); ``data`` is the SHA-256 of the file of ``rows``, by which an
    oracle of another split is recognised; ``split`` is the one to which an oracle belongs.

    Returns counts: steps, tokens, rows, and what the recipe adds. LetheError for a checkpoint that
    cannot be used, and for a recipe that lacks a file or cannot be used with ``compute``.
    """
    compute, how, settings = compute or Compute(), how or Execution(), settings or Finetuning()
    chosen, read = settings.recipe, files or {}
    check_recipe(chosen["name"], compute, how, read)
    model, tokenizer = checkpoint.load(
        start, how.load_to(device), **compute.loading(), template=template
    )
    prepare(model, compute.training("finetune"), seed, start)
    pairs = training_pairs(rows, facts, settings.fact_repeats)
    lesson = Lesson(
        pairs,
        len(rows),
        Encoder(tokenizer, template, max_length),
        settings,
        seed,
        how,
        report,
        start,
        {name: rows_to_pairs(some) for name, some in read.items()},
    )
    counts = recipe.load(chosen["name"]).learn(model, lesson, recipe.settings_of(chosen))
    origin = {
        "stage": stage,
        "parent": parent or checkpoint_record.name_of(start),
        **({} if data is None else {"data": data}),
        "settings": settings.model_dump(mode="json"),
        **{key: counts[key] for key in ("loss", "reached") if key in counts},
        **({} if split is None else {"split": split}),
        "seed": seed,
        "template": template,
    }
    checkpoint.save(out, model, tokenizer, origin)
    return counts


def check_recipe(
    name: str, compute: Compute, how: Execution, files: Mapping[str, Sequence[dict]]
) -> None:
    """LetheError if a recipe lacks a file that it reads, or needs whole weights and has none."""
    for need in recipe.needs(name):
        if need not in files:
            raise LetheError(f"recipe {name}: reads the file {need}; give its rows")
    if recipe.whole_weights(name) and compute.training("finetune")["lora"] is not None:
        raise LetheError(
            f"recipe {name}: works on whole weights, but adapters are trained; set lora.stages to "
            "[unlearn], or lora to null"
        )
    if recipe.whole_weights(name) and how.process_group.sharded:
        raise LetheError(f"recipe {name}: works on whole weights; set compute.sharding to none")
