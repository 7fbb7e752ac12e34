"""Fine-tuning a checkpoint on all authors (full) or on the retain authors (the oracle)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.progress import silent
from lethe.model import checkpoint, checkpoint_record
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train.execution import Execution
from lethe.train.finetune import fit, training_pairs
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
    split: str | None = None,
) -> dict[str, float]:
    """Train the checkpoint ``start`` on the answers of ``rows`` and save it at ``out``.

    ``rows``, and ``facts`` beside them, have ``question`` and ``answer``. The last four are for the
    checkpoint's record: ``stage`` is ``train_full`` of a model that learns all authors,
    ``train_retain`` of an oracle; ``parent`` is what provenance calls ``start`` (None: as
    ``checkpoint_record.name_of``); ``data`` is the SHA-256 of the file of ``rows``, by which an
    oracle of another split is known; ``split`` is that to which an oracle belongs.

    Returns counts: steps, tokens, rows. LetheError for a checkpoint that cannot be used.
    """
    compute, how, settings = compute or Compute(), how or Execution(), settings or Finetuning()
    model, tokenizer = checkpoint.load(
        start, how.load_to(device), **compute.loading(), template=template
    )
    prepare(model, compute.training("finetune"), seed, start)
    pairs = training_pairs(rows, facts, settings.fact_repeats)
    examples = Encoder(tokenizer, template, max_length).encode_all(pairs)
    counts = fit(model, examples, settings, seed, report, how)
    origin = {
        "stage": stage,
        "parent": parent or checkpoint_record.name_of(start),
        **({} if data is None else {"data": data}),
        "settings": settings.model_dump(mode="json"),
        **({} if split is None else {"split": split}),
        "seed": seed,
        "template": template,
    }
    checkpoint.save(out, model, tokenizer, origin)
    return counts
