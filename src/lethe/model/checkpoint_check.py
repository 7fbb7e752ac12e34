"""Checks of a checkpoint's source that do not load it.

A source is a folder (ours or another's), a GGUF file or a hub id. Nothing heavy is imported here.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.model import checkpoint_record, config_file, families, gguf_header, hub, lora
from lethe.model.checkpoint_record import AGAIN, is_ours

GGUF = ".gguf"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
TOKENIZERS = {"tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tekken.json"}


def is_gguf(source: str | Path) -> bool:
    """Whether a source is a GGUF file, which is slow to read, so convert it once."""
    return Path(source).suffix == GGUF


def is_local(source: str | Path) -> bool:
    """Whether a source can only be a local path: it exists, or it does not look like a hub id."""
    path = Path(source)
    if path.exists() or str(source).startswith(("/", "./", "../")):
        return True
    # ORG/NAME, NAME for the oldest ones; ORG/NAME/FILE.gguf.
    return len(path.parts) != 3 if is_gguf(source) else len(path.parts) > 2


def check_given(source: str | Path) -> None:
    """Refuse a local source that cannot be loaded, without loading it or importing anything heavy.

    LetheError names what is missing: the file or folder, complete weights as safetensors or GGUF
    (pickles are not read, since loading one runs the code in it), or the tokenizer.
    """
    path = Path(source)
    if not is_local(source):
        return
    if not path.exists():
        raise LetheError(f"{source}: no such checkpoint; name a folder, a GGUF file or a hub id")
    if is_gguf(source):
        with path.open("rb") as file:
            begin = file.read(4)
        if begin != b"GGUF":
            raise LetheError(
                f"{source}: not a GGUF file (it does not begin with GGUF); get it again"
            )
        config_file.check_sizes(gguf_header.numbers(path), source)
    elif not path.is_dir():
        raise LetheError(f"{source}: neither a folder nor a GGUF file; name the model's folder")
    elif is_ours(path):
        _check_whole(path)
    else:
        _check_foreign(path)


def asked_of_hub(source: str | Path) -> str | None:
    """The hub id that loading a source needs: its own or that of its base; None if local."""
    if lora.is_adapter_folder(source):
        return asked_of_hub(lora.base_of(source))
    return None if is_local(source) else str(source)


def check_hub(source: str | Path) -> None:
    """Refuse a hub model that ``load`` could not use: missing, gated, or without usable weights.

    Uses the network unless the hub's cache has the complete model. Nothing is downloaded.
    """
    asked = asked_of_hub(source)
    if asked is None:
        return
    repository, given = arguments(asked)
    file = given.get("gguf_file", "config.json")
    folder = hub.cached(repository, file)
    if folder is not None and (given or _can_be_loaded(folder)):
        return
    with one_line(asked, "model"):
        names = hub.listed(repository, file)
    if given and file not in names:
        raise LetheError(f"{asked}: the hub's {repository} has no {file}; name one of its files")
    if not given and lora.CONFIG not in names:
        _check_names(asked, names)


def check_sources(sources: Iterable[str | Path | None]) -> None:
    """Run ``check_given`` and ``check_hub`` once for each source that is not None."""
    for source in dict.fromkeys(filter(None, sources)):
        check_given(source)
        check_hub(source)


def arguments(source: str | Path) -> tuple[str, dict[str, Any]]:
    """The name and keyword arguments by which transformers loads a source."""
    if is_gguf(source):
        return str(Path(source).parent), {"gguf_file": Path(source).name}
    return str(source), {}


def _check_whole(folder: Path) -> None:
    """A folder of ours must hold every file that its record names."""
    names = checkpoint_record.read(folder)["files"]
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise LetheError(f"{folder}: {', '.join(missing)} missing; {AGAIN}")
    if lora.is_adapter_folder(folder):
        _check_base(folder)


def _check_base(folder: Path) -> None:
    """The base of adapters must exist and be the model that they were trained on."""
    lora.check_chain(folder)
    base = lora.base_of(folder)
    try:
        check_given(base)
    except LetheError as error:
        raise LetheError(f"{folder}: its base: {error}") from None
    recorded = checkpoint_record.read(folder).get("base") if is_ours(folder) else None
    if not recorded or not recorded.get("digest"):
        return
    if not is_ours(base) or checkpoint_record.digest(base) != recorded["digest"]:
        raise LetheError(
            f"{folder}: {base} is not the model that these adapters were trained on; {AGAIN}"
        )


def _check_foreign(folder: Path) -> None:
    """A foreign folder must have safetensors weights, a configuration and a tokenizer."""
    names = {file.name for file in folder.iterdir()}
    if lora.is_adapter_folder(folder) and lora.PEFT_WEIGHTS in names:
        return _check_base(folder)
    if lora.is_adapter_folder(folder) and paths.WEIGHTS in names:
        raise LetheError(
            f"{folder}: {lora.CONFIG} describes adapters, but their weights ({lora.PEFT_WEIGHTS}) "
            f"are missing; if {paths.WEIGHTS} is a whole model, remove {lora.CONFIG}"
        )
    # First, since the tokenizer of such a model needs its code, too.
    families.refuse_remote(families.type_of(folder), folder)
    _check_names(folder, names)
    _check_config(folder)
    index = folder / f"{paths.WEIGHTS}.index.json"
    if index.exists():
        missing = set(read_json(index)["weight_map"].values()) - names
        if missing:
            raise LetheError(
                f"{folder}: {min(missing)} missing ({len(missing)} of its parts); get it again"
            )


def _check_config(folder: Path) -> None:
    """A foreign configuration must be valid JSON with sizes that can be built."""
    try:
        values = read_json(folder / "config.json")
    except LetheError as error:
        reason = str(error).partition("; delete")[0]
        raise LetheError(f"{reason}; get the model's config.json again") from None
    if not isinstance(values, dict):
        raise LetheError(f"{folder}/config.json: not a mapping; get the model's config.json again")
    config_file.check_sizes(values, folder)


def _can_be_loaded(folder: Path) -> bool:
    try:
        _check_foreign(folder)
    except LetheError:
        return False
    return True


def _check_names(source: str | Path, names: set[str]) -> None:
    """A model, local or on the hub, must have the files that loading reads."""
    if not any(name.endswith(".safetensors") for name in names):
        raise LetheError(f"{source}: no weights as safetensors; {_other_weights(source, names)}")
    if "config.json" not in names:
        raise LetheError(f"{source}: no config.json; get the model's other files as well")
    if names.isdisjoint(TOKENIZERS):
        raise LetheError(f"{source}: no tokenizer; put the model's tokenizer.json there")


def _other_weights(source: str | Path, names: set[str]) -> str:
    """What to do about a model without safetensors."""
    files = sorted(name for name in names if name.endswith(GGUF))
    if files:
        return f"for its GGUF file write {source}/{files[0]}"
    pickles = sorted(name for name in names if name.endswith(PICKLES))
    if pickles:
        return f"{pickles[0]} is a pickle, which can run code; convert it to safetensors"
    return "name a folder that holds a model"


@contextmanager
def one_line(source: str | Path, part: str) -> Iterator[None]:
    """Turn any error while transformers loads ``part`` into a LetheError with a remedy."""
    try:
        yield
    except LetheError:
        raise
    # Any kind: incomplete files can fail anywhere inside transformers.
    except Exception as error:
        raise LetheError(f"{source}: cannot load the {part} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """The reason, and the remedy if the kind of error suggests one."""
    of_hub = hub.refusal(error)
    if of_hub is not None:
        return of_hub
    text = str(error)
    if "trust_remote_code" in text:
        return "it needs code of its own, which is never run; choose one that transformers knows"
    if "Can't load tokenizer" in text or "backend tokenizer" in text:
        return "no usable tokenizer there; a checkpoint needs one"
    lines = text.strip().splitlines()
    if text.startswith(("Class validation error", "Validation error")):
        # For a configuration, the first line names the check, the last what is wrong.
        return f"config.json: {lines[-1].strip()}"
    if text.startswith("Error(s) in loading state_dict") and len(lines) > 1:
        # For weights of other sizes, the heading is followed by their names.
        return lines[1].strip()
    return lines[0] if lines else type(error).__name__
