"""Running one method on one checkpoint: from files to the resulting checkpoints."""

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.common.picture_marks import digests_in
from lethe.common.progress import silent
from lethe.model import checkpoint, checkpoint_record, families
from lethe.model.background_saving import BackgroundSaver
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train.execution import Execution, NoStateSaver
from lethe.train.loop import Report
from lethe.unlearn.interface import Supervision
from lethe.unlearn.method import Method, check_family, check_pictures, whole_weights
from lethe.unlearn.supervision import read_supervision
from lethe.world.rows import read_pairs

# Which epochs' checkpoints are saved: all, the last, or these.
Keep = Literal["all", "last"] | Collection[int]


class After(NamedTuple):
    """What follows from an epoch: folders that get its checkpoint, and whether the run ends."""

    folders: tuple[Path, ...] = ()
    ends: bool = False


# Called with epoch, step and model after each epoch, before the next one begins.
Ended = Callable[[int, int, Any], After | Any]


class Run(NamedTuple):
    """The result of a run: the folders of the epochs that were kept, and counts (steps, rows)."""

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
    keep: Keep = "all",
    ended: Ended | None = None,
) -> Run:
    """Run ``method`` on checkpoint ``start``; save a checkpoint per epoch in ``out``/epoch1, ….

    ``files``: the files that the method reads, by need (``lethe.unlearn.files``). ``compute``:
    precision, attention, activation checkpointing and adapters. ``device``: as returned by
    ``torch_setup.set_up``. ``how``: parts, processes and saved state of the training. ``stage``,
    ``parent`` and ``split`` go into the checkpoints' records: ``parent`` is the name of ``start``
    in provenance (None: ``checkpoint_record.name_of``). ``keep``: whether every epoch is saved, the
    last one alone, or those named. ``ended``: called after each epoch, also one that is not saved;
    it may name further folders for the checkpoint, and end the run (``After``).

    LetheError where the method does not support ``compute``, where a file is not usable, and where
    ``out`` has checkpoints of an earlier run that ``how`` cannot resume.
    """
    compute, how = compute or Compute(), how or Execution()
    loading, training = compute.loading(), compute.training("unlearn")
    folders = {epoch: Path(paths.epoch(str(out), epoch)) for epoch in _kept(keep, method.epochs)}
    check_adapters(method, compute)
    kind = type(method).__module__.rpartition(".")[2]
    check_family(method, kind, families.of_source(start), str(start))
    if any(digests_in(question) for question, _ in read_pairs(files["forget"])):
        check_pictures(method, kind)
    check_recomputed(method, compute)
    _check_new(out, folders.values(), how)

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
        "method": kind,
        "settings": method.settings.model_dump(mode="json"),
        **({} if split is None else {"split": split}),
        "seed": seed,
        "template": template,
    }
    counts = leave_checkpoints(
        method,
        model,
        tokenizer,
        data,
        seed,
        origin,
        folders.__getitem__,
        report,
        how,
        folders.__contains__,
        ended,
    )
    # A run that was ended has not reached all of them.
    made = [one for one in folders.values() if ended is None or one.exists()]
    return Run(made, counts)


def _kept(keep: Keep, epochs: int) -> list[int]:
    every = range(1, epochs + 1)
    if isinstance(keep, str):
        return [*every] if keep == "all" else [epochs]
    return [epoch for epoch in every if epoch in keep]


def check_adapters(method: Method, compute: Compute) -> None:
    """LetheError where a method that works on whole weights is to train adapters."""
    whole = whole_weights(method, type(method).__module__.rpartition(".")[2])
    if whole is not None and compute.training("unlearn")["lora"] is not None:
        raise LetheError(f"compute.lora: {whole} works on whole weights; leave adapters out")


def check_recomputed(method: Method, compute: Compute) -> None:
    """LetheError where a method that masks gradients is to compute activations again."""
    if compute.training("unlearn")["gradient_checkpointing"] and not method.recomputable:
        raise LetheError(
            f"compute.gradient_checkpointing: {method.name} masks gradients, and recomputed "
            "activations would not be masked; set it to false"
        )


def _check_new(out: str | Path, folders: Iterable[Path], how: Execution) -> None:
    """A run that saves no state cannot be resumed: checkpoints in ``out`` are another run's."""
    if type(how.state_saver) is NoStateSaver and any(folder.exists() for folder in folders):
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
    keeps: Callable[[int], bool] = lambda epoch: True,
    ended: Ended | None = None,
) -> dict[str, int]:
    """Run a method and save a checkpoint after each epoch that it ``keeps``, at ``place(epoch)``.

    ``ended`` is called after each epoch, when its checkpoint is saved or copied; folders that it
    names get the checkpoint as well, in place of one that is there. On a GPU an epoch is written
    while the next one trains. Returns counts: steps and rows.
    """
    step, how = 0, how or Execution()
    with BackgroundSaver() as saver, how.state_saver.after(saver.wait):
        for epoch, step in method.run(model, data, seed, report, how):
            origin = {**origin, "epoch": epoch, "step": step}
            if keeps(epoch):
                saver.save(place(epoch), model, tokenizer, origin)
            after = ended(epoch, step, model) if ended else None
            if isinstance(after, After):
                for folder in after.folders:
                    saver.save(folder, model, tokenizer, origin)
                if after.ends:
                    break
    return {"steps": step, "rows": len(data.forget)}
