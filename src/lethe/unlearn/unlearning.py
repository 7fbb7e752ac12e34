"""Running one method on one checkpoint: from files to the resulting checkpoints."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.common.progress import silent
from lethe.model import checkpoint, checkpoint_record
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train.execution import Execution, NoKeeper
from lethe.train.loop import Report
from lethe.unlearn.interface import Supervision
from lethe.unlearn.method import Method, whole_weights
from lethe.unlearn.supervision import read_supervision


class Run(NamedTuple):
    """The result of a run: the folder of each epoch's checkpoint, and counts (steps, rows)."""

    checkpoints: list[Path]
    counts: dict[str, int]


def unlearn(
    start: str | Path,
    method: Method,
    files: Mapping[str, str | Path],
    out: str | Path,
    *,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    compute: Compute | None = None,
    device: str = "cpu",
    how: Execution | None = None,
    report: Report = silent,
    stage: str = "unlearn",
    parent: str | None = None,
    split: str | None = None,
) -> Run:
    """Run ``method`` on checkpoint ``start``; save a checkpoint per epoch in ``out``/epoch1, ….

    ``files``: the files that the method reads, by need (``lethe.unlearn.files``). ``compute``:
    precision, attention, activation checkpointing and adapters. ``device``: as returned by
    ``torch_setup.set_up``. ``how``: parts, processes and saved state of the training. The last
    three go into the checkpoints' records: ``parent`` is the name of ``start`` in provenance (None:
    ``checkpoint_record.name_of``).

    LetheError where the method does not support ``compute``, where a file is not usable, and where
    ``out`` has checkpoints of an earlier run that ``how`` cannot resume.
    """
    compute, how = compute or Compute(), how or Execution()
    loading, training = compute.loading(), compute.training("unlearn")
    folders = [Path(paths.epoch(str(out), epoch + 1)) for epoch in range(method.epochs)]
    check_adapters(method, compute)
    _check_new(out, how)

    def trainable(source: str | Path):
        loaded = checkpoint.load(source, how.load_to(device), **loading, template=template)
        prepare(loaded[0], training, seed, source)
        return loaded

    model, tokenizer = trainable(start)
    encoder = Encoder(tokenizer, template, max_length)
    data = read_supervision(encoder, method.needs, files, trainable)
    origin = {
        "stage": stage,
        "parent": parent or checkpoint_record.name_of(start),
        "forget": sha256(files["forget"]),
        "method": type(method).__module__.rpartition(".")[2],
        "settings": method.settings.model_dump(mode="json"),
        **({} if split is None else {"split": split}),
        "seed": seed,
        "template": template,
    }
    counts = leave_checkpoints(
        method, model, tokenizer, data, seed, origin, lambda n: folders[n - 1], report, how
    )
    return Run(folders, counts)


def check_adapters(method: Method, compute: Compute) -> None:
    """LetheError where a method that works on whole weights is to train adapters."""
    whole = whole_weights(method, type(method).__module__.rpartition(".")[2])
    if whole is not None and compute.training("unlearn")["lora"] is not None:
        raise LetheError(f"compute.lora: {whole} works on whole weights; leave adapters out")


def _check_new(out: str | Path, how: Execution) -> None:
    """A run that saves no state cannot be resumed: checkpoints in ``out`` are another run's."""
    if type(how.keeper) is NoKeeper and Path(paths.epoch(str(out), 1)).exists():
        raise LetheError(f"{out}: has checkpoints of an earlier run; name another folder")


def leave_checkpoints(
    method: Method,
    model,
    tokenizer,
    data: Supervision,
    seed: int,
    origin: Mapping[str, Any],
    place: Callable[[int], str | Path],
    report: Report,
    how: Execution | None = None,
) -> dict[str, int]:
    """Run a method and save a checkpoint after each epoch, at ``place(epoch)``.

    Returns counts: steps and rows.
    """
    step = 0
    for epoch, step in method.run(model, data, seed, report, how):
        checkpoint.save(place(epoch), model, tokenizer, {**origin, "epoch": epoch, "step": step})
    return {"steps": step, "rows": len(data.forget)}
