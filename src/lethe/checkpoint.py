"""Checkpoints: the one way to load and to save a model with its tokenizer.

A checkpoint is a folder in transformers' format (safetensors, never pickle) with a small
``checkpoint.json`` beside the weights: the digest of every file and where the checkpoint came from.
By it, what depends on a checkpoint is told by content whether that changed, without hashing
gigabytes each time. It may carry interventions (``lethe.interventions``), which come and go with
the model.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lethe import adapters, hub, interventions, paths, sharding
from lethe.errors import LetheError
from lethe.files import read_json, sha256, write_json

# What OpenUnlearning's chat models were trained with; other systems' checkpoints most likely too.
CUSTOMARY = {
    "name": "chat",
    "system": "You are a helpful assistant.",
    "variables": {"date_string": "10 Apr 2025"},
}
GGUF = ".gguf"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
LOADING = (OSError, ValueError, LookupError, AttributeError, ImportError, RuntimeError)
TOKENIZERS = {"tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tekken.json"}


def load(
    source: str | Path,
    device: str = "cpu",
    dtype: str = "float32",
    attention: str = "sdpa",
):
    """Load ``(model, tokenizer)`` in evaluation mode.

    ``source`` is a local folder, a hub id, or a GGUF file: its path, or ``ORG/NAME/FILE.gguf`` on
    the hub. A GGUF file's weights are unpacked into plain ones of the ``dtype``; adapters are
    merged into their base. ``attention`` is what runs within each
    sequence (``lethe.packing``). No remote code is run and no pickle is read. What is
    not a whole checkpoint is a LetheError that names what it lacks.
    """
    from lethe.cost import watch
    from lethe.packing import use_packing
    from lethe.products import use_onednn

    model = _load_model(source, dtype)
    use_packing(model, attention)
    use_onednn(model)
    watch(model)
    tokenizer = load_tokenizer(source)
    interventions.attach(model, tokenizer, *interventions.of(tokenizer))
    return model.to(device).eval(), tokenizer


def _load_model(source: str | Path, dtype: str):
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    check_given(source)
    if adapters.are_in(source):
        model = _load_model(adapters.base_of(source), dtype)
        with _one_line(source, "adapters"):
            adapters.merge(model, source)
        return model
    name, given = _arguments(source)
    if given:
        # Unpacked, and so trainable and savable, whatever kernels for packed weights there are.
        given["quantization_config"] = GgufConfig(dequantize=True)
    else:
        given["use_safetensors"] = True
    with _one_line(source, "model"):
        model, found = AutoModelForCausalLM.from_pretrained(
            name,
            dtype=getattr(torch, dtype),
            trust_remote_code=False,
            output_loading_info=True,
            **given,
        )
    if found["missing_keys"]:
        # transformers would draw them at random, with a warning.
        name, count = min(found["missing_keys"]), len(found["missing_keys"])
        raise LetheError(f"{source}: no weights {name} ({count} missing); get the model again")
    return model


def load_tokenizer(source: str | Path):
    """The tokenizer of a checkpoint, told of the interventions that its model carries."""
    from transformers import AutoTokenizer

    name, given = _arguments(source)
    with _one_line(source, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **given)
    interventions.name(tokenizer, interventions.read(source))
    return tokenizer


def is_gguf(source: str | Path) -> bool:
    """Whether a source is a GGUF file, which takes long to read: convert it once."""
    return Path(source).suffix == GGUF


def is_local(source: str | Path) -> bool:
    """Whether a source can only be a path of this machine: there, or of no form of a hub id."""
    path = Path(source)
    if path.exists() or str(source).startswith(("/", "./", "../")):
        return True
    # ORG/NAME, NAME for the oldest ones; ORG/NAME/FILE.gguf.
    return len(path.parts) != 3 if is_gguf(source) else len(path.parts) > 2


def check_given(source: str | Path) -> None:
    """Refuse a local source that cannot be loaded, without loading it or importing anything heavy.

    LetheError, one line, names what is missing: the file or folder, whole weights as safetensors or
    GGUF (pickles are not read: loading one runs what code it holds), or the tokenizer.
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
            raise LetheError(f"{source}: no GGUF file (it does not begin with GGUF); get it again")
    elif not path.is_dir():
        raise LetheError(f"{source}: neither a folder nor a GGUF file; name the model's folder")
    elif _is_ours(path):
        _check_whole(path)
    else:
        _check_foreign(path)


def asked_of_hub(source: str | Path) -> str | None:
    """What loading a source asks the hub for: itself, or the base of local adapters; or nothing."""
    if adapters.are_in(source):
        return asked_of_hub(adapters.base_of(source))
    return None if is_local(source) else str(source)


def check_hub(source: str | Path) -> None:
    """Refuse what ``load`` could not get of the hub: missing, gated, without weights that we read.

    Asks the network, unless the hub's cache has the whole model. LetheError, one line, has the
    remedy. Nothing is downloaded.
    """
    asked = asked_of_hub(source)
    if asked is None:
        return
    repository, given = _arguments(asked)
    file = given.get("gguf_file", "config.json")
    folder = hub.cached(repository, file)
    if folder is not None and (given or _can_be_loaded(folder)):
        return
    with _one_line(asked, "model"):
        names = hub.listed(repository, file)
    if given and file not in names:
        raise LetheError(f"{asked}: the hub's {repository} has no {file}; name one of its files")
    if not given and adapters.CONFIG not in names:
        _check_names(asked, names)


def check_sources(sources: Iterable[str | Path | None]) -> None:
    """``check_given`` and ``check_hub`` of each that is not None, once."""
    for source in dict.fromkeys(filter(None, sources)):
        check_given(source)
        check_hub(source)


def save(folder: str | Path, model, tokenizer, origin: dict[str, Any]) -> None:
    """Write a checkpoint, its interventions included: all of it, or nothing under this name.

    Weights that are still those of the folder they were loaded from are linked, not written again.
    ``origin`` tells where it came from (parents by digest, settings); it must not hold times or
    host names, so that equal work gives equal bytes. Of a model in shards the first process writes,
    and all must call.
    """
    from lethe.adapt import stored

    folder, team = Path(folder), sharding.team_of(model)
    weights = None if team is None else stored(model)
    if team is not None and team.rank > 0:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        about = {"origin": origin}
        if adapters.of(model):
            about["base"] = adapters.save(temporary, model)
        elif weights is not None or not _link_weights(model, temporary):
            _save_model(temporary, model, weights)
        _save_tokenizer(temporary, tokenizer)
        interventions.write(temporary, model)
        digests = {file.name: sha256(file) for file in sorted(temporary.iterdir())}
        write_json(temporary / paths.DIGEST, {"files": digests, **about}, indent=1)
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _save_model(folder: Path, model, weights: dict[str, Any] | None) -> None:
    """Weights and configuration, in the numbers that checkpoints have."""
    from lethe.adapt import stored

    # One file whatever the size: its name is then known before the job runs.
    weights = stored(model) if weights is None else weights
    model.save_pretrained(folder, max_shard_size="100TB", state_dict=weights)
    if getattr(model, "lethe_dtype", None) is not None:
        config = read_json(folder / "config.json")
        config["dtype"] = str(model.lethe_dtype).removeprefix("torch.")
        write_json(folder / "config.json", config, indent=2)


def _save_tokenizer(folder: Path, tokenizer) -> None:
    """A tokenizer's files, the same whether it was loaded with a network or without one."""
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    config = read_json(file)
    # transformers notes how it was told to look for the files, which HF_HUB_OFFLINE changes.
    config.pop("local_files_only", None)
    write_json(file, config, indent=2)


def digest(folder: str | Path) -> str:
    """SHA-256 of a checkpoint's weights, and interventions, as recorded when it was written."""
    files = read_json(Path(folder) / paths.DIGEST)["files"]
    parts = [files[name] for name in (paths.WEIGHTS, *interventions.FILES) if name in files]
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def origin(source: str | Path) -> dict[str, Any]:
    """Where a checkpoint came from, as recorded when it was written; empty for those of others."""
    file = Path(source) / paths.DIGEST
    return read_json(file)["origin"] if file.exists() else {}


def template_of(source: str | Path) -> dict[str, Any]:
    """The template that a checkpoint of ours was trained with; for others the customary one."""
    recorded = origin(source)
    given = recorded.get("template", "chat") if recorded else CUSTOMARY
    return {"name": given} if isinstance(given, str) else dict(given)


def _link_weights(model, folder: Path) -> bool:
    """Whether the model's weights are those of the folder it came from, bit by bit; links them.

    Only what holds them in one file, as ours do, is linked. Where links cannot be made (another
    file system) the file is copied. Nothing here ever writes into a file that has its name.
    """
    parent = Path(model.name_or_path)
    file = (parent / paths.WEIGHTS).resolve()
    if not file.is_file() or not _same_weights(model, file):
        return False
    try:
        os.link(file, folder / paths.WEIGHTS)
    except OSError:
        shutil.copyfile(file, folder / paths.WEIGHTS)
    for name in ("config.json", "generation_config.json"):
        if (parent / name).is_file():
            shutil.copyfile(parent / name, folder / name)
    return True


def _same_weights(model, file: Path) -> bool:
    """Whether a file holds every parameter and buffer of a model, with the same bits."""
    import torch
    from safetensors import safe_open

    state = model.state_dict()
    with safe_open(file, framework="pt") as stored:
        names = set(stored.keys())
        places = {state[name].data_ptr() for name in names if name in state}
        # Tied weights are stored once.
        rest = (state[name] for name in state.keys() - names)
        if not names <= state.keys() or any(tensor.data_ptr() not in places for tensor in rest):
            return False

        # Read one at a time, until one differs: after training that is the first.
        def same(name: str) -> bool:
            tensor = stored.get_tensor(name)
            return torch.equal(state[name].cpu(), tensor.to(state[name].dtype))

        return all(same(name) for name in sorted(names))


def _arguments(source: str | Path) -> tuple[str, dict[str, Any]]:
    """How transformers wants a source to be named."""
    if is_gguf(source):
        return str(Path(source).parent), {"gguf_file": Path(source).name}
    return str(source), {}


def _check_whole(folder: Path) -> None:
    """A folder of ours must hold every file that its digest names."""
    names = read_json(folder / paths.DIGEST).get("files", ())
    if not names:
        raise LetheError(f"{folder}/{paths.DIGEST}: names no files; delete the folder")
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise LetheError(
            f"{folder}: {', '.join(missing)} missing; delete the folder to have it made again"
        )
    if adapters.are_in(folder):
        _check_base(folder)


def _check_base(folder: Path) -> None:
    """Adapters change one base: it must be there, and be the one that they were trained on."""
    base = adapters.base_of(folder)
    try:
        check_given(base)
    except LetheError as error:
        raise LetheError(f"{folder}: of its base: {error}") from None
    recorded = read_json(folder / paths.DIGEST).get("base") if _is_ours(folder) else None
    if recorded and _is_ours(base) and digest(base) != recorded["digest"]:
        raise LetheError(
            f"{folder}: {base} is not the model that these adapters were trained on; "
            "delete the folder to have it made again"
        )


def _is_ours(source: str | Path) -> bool:
    return (Path(source) / paths.DIGEST).exists()


def _check_foreign(folder: Path) -> None:
    """A folder of others must have weights that we read, a configuration and a tokenizer."""
    names = {file.name for file in folder.iterdir()}
    if adapters.are_in(folder) and adapters.PEFT_WEIGHTS in names:
        return _check_base(folder)
    _check_names(folder, names)
    index = folder / f"{paths.WEIGHTS}.index.json"
    if index.exists():
        missing = set(read_json(index)["weight_map"].values()) - names
        if missing:
            raise LetheError(
                f"{folder}: {min(missing)} missing ({len(missing)} of its parts); get it again"
            )


def _can_be_loaded(folder: Path) -> bool:
    try:
        _check_foreign(folder)
    except LetheError:
        return False
    return True


def _check_names(source: str | Path, names: set[str]) -> None:
    """The files of a model, here or on the hub, must be those that loading reads."""
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
def _one_line(source: str | Path, part: str) -> Iterator[None]:
    """Whatever goes wrong while transformers loads a part is one line that says the remedy."""
    from safetensors import SafetensorError

    try:
        yield
    # Of all kinds: files that lack what transformers takes for granted fail anywhere in it.
    except (*LOADING, SafetensorError) as error:
        raise LetheError(f"{source}: cannot load the {part} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """The reason, and the remedy where the error's kind tells it."""
    of_hub = hub.refusal(error)
    if of_hub is not None:
        return of_hub
    text = str(error)
    if "trust_remote_code" in text:
        return "it needs code of its own, which is never run; choose one that transformers knows"
    if "Can't load tokenizer" in text or "backend tokenizer" in text:
        return "no usable tokenizer there; a checkpoint needs one"
    lines = text.strip().splitlines()
    return lines[0] if lines else type(error).__name__
