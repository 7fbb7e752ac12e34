"""One unlearning run outside of the workflow: a checkpoint and a folder in TOFU's format."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.model.settings import Compute
from lethe.pipeline.config.load import parsed
from lethe.unlearn.method import Method, whole_weights
from lethe.world.rows import read_pairs, read_refusals
from lethe.world.splits.author_share import parse_split

REFUSALS = "idontknow.jsonl"


def given_settings(texts: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Settings from ``key=value``; a dotted key (``optimiser.name=sgd``) goes into a mapping."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise LetheError(f"{option} {text}: write it as key=value")
        *outer, last = key.split(".")
        place = found
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise LetheError(
                    f"{option} {text}: {name} has a value already; give one of the two"
                )
        try:
            place[last] = parsed(value)
        except LetheError as error:
            raise LetheError(f"{option} {text}: {error}") from None
    return found


def given_compute(texts: Sequence[str]) -> Compute:
    """How a model computes, from ``--compute key=value``: what the workflow's models are told."""
    return validated(Compute, given_settings(texts, "--compute"), "--compute")


def check_adapters(method: Method, name: str, compute: Compute) -> None:
    """Refuse adapters to a method that works on whole weights."""
    whole = whole_weights(method, name)
    if whole is not None and compute.training("unlearn")["lora"] is not None:
        raise LetheError(f"--compute lora: {whole} works on whole weights; leave adapters out")


def check_sources(
    folder: str | Path,
    split: str,
    needs: Sequence[str],
    prior: str | None = None,
    before: str | None = None,
) -> dict[str, str | Path]:
    """The files of a folder that a method needs, by need; one that is missing is a LetheError.

    So is a checkpoint (``prior``, ``before``) that is needed and missing, or there and not needed.
    """
    given = {"prior": prior, "before": before}
    for need, source in given.items():
        if (need in needs) != (source is not None):
            wrong = "needs one: give it" if source is None else "needs none: omit it"
            raise LetheError(f"--{need}: the method {wrong}")
    chosen = parse_split(split)
    names = {"retain": f"{chosen.retain}.json", "refusals": REFUSALS}
    wanted = {"forget": f"{chosen.name}.json"} | {n: names[n] for n in needs if n in names}
    if not Path(folder).is_dir():
        raise LetheError(f"{folder}: no such folder; name one with TOFU's files")
    files = {need: Path(folder) / name for need, name in wanted.items()}
    for need, file in files.items():
        if not file.is_file():
            raise LetheError(f"{file}: no such file; the method needs it ({need})")
        # Read again for the work; here a bad row is found before a model is loaded.
        (read_refusals if need == "refusals" else read_pairs)(file)
    return {**files, **{need: source for need, source in given.items() if source is not None}}


def unlearn(
    start: str | Path,
    method: Method,
    files: Mapping[str, str | Path],
    out: str | Path,
    *,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    threads: int = 1,
    device: str = "cpu",
    compute: Compute | None = None,
) -> Path:
    """Run ``method`` on the checkpoint ``start``; its folder of the last epoch.

    ``compute``: numbers, attention, checkpointed activations and adapters; None: its defaults.

    Epochs go to ``out``/epoch1, epoch2, …, what the run cost to ``out``/cost.json, and the
    alternative answers that a method needs, made by the model itself, to
    ``out``/alternatives.json. A folder that holds anything is a LetheError.
    """
    from lethe.common import outputs, paths
    from lethe.common.files import sha256, write_json
    from lethe.common.progress import Progress
    from lethe.common.torch_setup import set_up
    from lethe.model import checkpoint, checkpoint_check, checkpoint_record
    from lethe.model.cost import Meter
    from lethe.model.encoder import Encoder
    from lethe.model.precision import prepare
    from lethe.unlearn.checkpoints import leave_checkpoints
    from lethe.unlearn.supervision import read_supervision

    out = Path(out)
    outputs.check_folder(out)
    checkpoint_check.check_sources((start, files.get("prior"), files.get("before")))
    compute = compute or Compute()
    loading, training = compute.loading(), compute.training("unlearn")
    with Meter() as meter:
        device = set_up(threads, device)

        def trainable(source):
            loaded = checkpoint.load(source, device, **loading)
            prepare(loaded[0], training, seed, source)
            return loaded

        model, tokenizer = checkpoint.load(start, device, **loading, template=template)
        encoder = Encoder(tokenizer, template, max_length)
        files = dict(files)
        if "alternatives" in method.needs:
            files["alternatives"] = out / "alternatives.json"
            _propose(model, encoder, files, seed)
        prepare(model, training, seed, start)
        data = read_supervision(encoder, method.needs, files, trainable)
        name = type(method).__module__.rpartition(".")[2]
        known = (Path(start) / paths.DIGEST).exists()
        origin = {
            "stage": "unlearn",
            "parent": checkpoint_record.digest(start) if known else str(start),
            "forget": sha256(files["forget"]),
            "split": Path(files["forget"]).stem,
            "method": name,
            "settings": method.settings.model_dump(mode="json"),
            "seed": seed,
            "template": template,
        }

        folders: list[Path] = []

        def place(epoch: int) -> Path:
            folders.append(Path(paths.epoch(str(out), epoch)))
            return folders[-1]

        counts = leave_checkpoints(
            method, model, tokenizer, data, seed, origin, place, Progress(f"{name}, seed {seed}")
        )
        write_json(out / "cost.json", meter.read(**counts))
    return folders[-1]


def _propose(model, encoder, files: Mapping[str, Path], seed: int) -> None:
    from lethe.unlearn.alternatives import Alternatives, propose, write_alternatives

    pairs = read_pairs(files["forget"])
    write_alternatives(
        files["alternatives"], pairs, propose(model, encoder, pairs, Alternatives(), seed)
    )
