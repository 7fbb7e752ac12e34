"""Checkpoints: the one way to load and to save a model with its tokenizer.

A checkpoint is a folder in transformers' format (safetensors, never pickle) with a small
``checkpoint.json`` beside the weights: the digest of every file and where the checkpoint came from.
It shows whether a checkpoint's content has changed without hashing gigabytes each time. A
checkpoint may carry interventions (``lethe.model.interventions``), which are loaded and saved with
the model.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.model import (
    attached,
    card,
    checkpoint_record,
    config_file,
    families,
    fsdp,
    hub,
    input_sums,
    interventions,
    loading_notice,
    lora,
)
from lethe.model.checkpoint_check import (
    TOKENIZERS,
    arguments,
    check_given,
    is_gguf,
    is_local,
    one_line,
)
from lethe.model.checkpoint_record import verifying
from lethe.model.intervention import attach, carried_by, tell

# The template of OpenUnlearning's chat models, and most likely that of other systems' checkpoints.
CUSTOMARY = {
    "name": "chat",
    "system": "You are a helpful assistant.",
    "variables": {"date_string": "10 Apr 2025"},
}
BESIDE_TOKENIZERS = ("tokenizer_config.json", "merges.txt", "chat_template.jinja")
# The number of a layer or an expert in a weight's name.
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
# Letters, digits, punctuation, spaces and line ends, which tokenizers treat differently.
SAMPLE = "Who's Zoë Łagiń?  She wrote 3.14 books,\n\tin 1987.\n"


def load(
    source: str | Path,
    device: str = "cpu",
    dtype: str = "float32",
    attention: str = "sdpa",
    template: str | Mapping[str, Any] | None = None,
    cuda_graphs: bool | str = "auto",
    compile: bool | str = "auto",
):
    """Load ``(model, tokenizer)`` in evaluation mode.

    ``source`` is a local folder, a hub id, or a GGUF file: its path, or ``ORG/NAME/FILE.gguf`` on
    the hub. A GGUF file's weights are unpacked into plain ones of the ``dtype``; adapters are
    merged into their base. ``attention`` is the attention kernel (``lethe.model.attention``).
    ``cuda_graphs``: whether its work may be recorded (``lethe.model.cuda_graphs``), ``compile``:
    whether trainings compile its layers (``lethe.model.compiling``). No remote code is run and no
    pickle is read.

    Raises:
        LetheError: the checkpoint is incomplete (the message names what is missing), or its
            tokenizer cannot be used with ``template``, which is checked before loading weights.
    """
    from lethe.model import batch_layout, encoder
    from lethe.model.cost import watch
    from lethe.model.onednn import use_onednn

    check_given(source)
    source = _adapters_here(source)
    _make_known(source)
    with verifying(source):
        if not (is_gguf(source) or lora.is_adapter_folder(source)):
            # Loading the tokenizer reads it, too, and would be blamed for an error in it.
            with one_line(source, "model"):
                config_file.settled(str(source), source)
        tokenizer = _load_tokenizer(source)
        if template is not None:
            encoder.template(template, tokenizer)
        model = _load_model(source, dtype)
        sums = input_sums.read(source)
    if model.config.model_type in families.SEEING_TYPES:
        _give_sight(source, model, tokenizer)
    batch_layout.fit(model, attention, device)
    use_onednn(model)
    watch(model)
    attached.update_model(model, cuda_graphs=cuda_graphs, compile=compile, input_sums=sums)
    attach(model, tokenizer, *carried_by(tokenizer))
    return model.to(device).eval(), tokenizer


def _give_sight(source: str | Path, model, tokenizer) -> None:
    """Let a model that sees scale pictures as the checkpoint's own image processor does."""
    from lethe.model import sight

    known = attached.tokenizer_state(tokenizer).pictures
    if known is not None:
        return sight.give(model, tokenizer, known.reader)
    # A hub id, whose configuration is known only now.
    while lora.is_adapter_folder(source):
        source = _adapters_here(lora.base_of(source))
    _take_template(source, tokenizer)
    with one_line(source, "image processor"):
        sight.give(model, tokenizer, sight.reader_of(source, model.config, tokenizer))


def _load_model(source: str | Path, dtype: str):
    import torch

    check_given(source)
    source = _adapters_here(source)
    if lora.is_adapter_folder(source):
        from lethe.model.lora_merge import merge

        base = lora.base_of(source)
        with verifying(base):
            model = _load_model(base, dtype)
        with one_line(source, "adapters"):
            return merge(model, source)
    model, info = _read_model(source, dtype=getattr(torch, dtype))
    if info["missing_keys"]:
        # transformers would initialise them at random, with a warning.
        name, count = min(info["missing_keys"]), len(info["missing_keys"])
        raise LetheError(f"{source}: no weights {name} ({count} missing); get the model again")
    spare = _spare(model, info["unexpected_keys"])
    if spare:
        raise LetheError(
            f"{source}: its config.json describes a smaller model than its weights, without "
            f"{spare[0]} ({len(spare)} such); get the model again"
        )
    return model


def _spare(model, names: Iterable[str]) -> list[str]:
    """The surplus weights of a kind that the model has, such as those of further layers.

    Other parts of a larger model, such as a vision tower, are left out on purpose.
    """
    kinds = {_NUMBER.sub("#", name) for name in model.state_dict()}
    return sorted(name for name in names if _NUMBER.sub("#", name) in kinds)


def _adapters_here(source: str | Path) -> str | Path:
    """The cached folder of adapters from the hub, which transformers would not merge."""
    if is_local(source) or is_gguf(source):
        return source
    with one_line(source, "model"):
        wanted = (lora.PEFT_WEIGHTS, *sorted(TOKENIZERS), *BESIDE_TOKENIZERS)
        return hub.downloaded(str(source), lora.CONFIG, wanted) or source


def _read_model(source: str | Path, **options):
    """A model and transformers' loading info: missing, unexpected and mismatched weights."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, GgufConfig

    _make_known(source)

    name, given = arguments(source)
    with one_line(source, "model"):
        if given:
            # Dequantized, so that it can be trained and saved whatever kernels are installed.
            given["quantization_config"] = GgufConfig(dequantize=True)
        else:
            given = {"use_safetensors": True, **config_file.settled(name, source)}
        seeing = not is_gguf(source) and given["config"].model_type in families.SEEING_TYPES
        kind = AutoModelForImageTextToText if seeing else AutoModelForCausalLM
        return kind.from_pretrained(
            name, trust_remote_code=False, output_loading_info=True, **given, **options
        )


def load_tokenizer(source: str | Path):
    """The tokenizer of a checkpoint, with the interventions that its model carries."""
    with verifying(source, small=True):
        return _load_tokenizer(source)


def _make_known(source: str | Path) -> None:
    """Let transformers load the kind of model that only Lethe makes."""
    if families.type_of(source) == families.MASKED_TYPE:
        from lethe.model import masked_model  # noqa: F401


def _load_tokenizer(source: str | Path):
    from transformers import AutoTokenizer

    _make_known(source)

    if lora.is_adapter_folder(source) and not any(
        (Path(source) / name).exists() for name in TOKENIZERS
    ):
        # Other tools often leave it with the base.
        return _load_tokenizer(_adapters_here(lora.base_of(source)))
    name, given = arguments(source)
    with one_line(source, "tokenizer"):
        within = config_file.within(source)
        if within is not None:
            given["config"] = within
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **given)
    tell(tokenizer, interventions.read(source))
    _tell_pictures(source, tokenizer)
    return tokenizer


def _tell_pictures(source: str | Path, tokenizer) -> None:
    """Let the tokenizer of a folder whose model sees write pictures, also without the model."""
    if families.type_of(source) not in families.SEEING_TYPES:
        return
    from lethe.model import sight

    while lora.is_adapter_folder(source):
        source = lora.base_of(source)
    _take_template(source, tokenizer)
    with one_line(source, "image processor"):
        config = config_file.settled(str(source), source)["config"]
        sight.tell(tokenizer, sight.reader_of(source, config, tokenizer))


def _take_template(source: str | Path, tokenizer) -> None:
    """Give a tokenizer without a chat template the one that the processor keeps, if it does."""
    from lethe.model import picture_reader

    if not tokenizer.chat_template:
        tokenizer.chat_template = picture_reader.legacy_template(source)


def save(folder: str | Path, model, tokenizer, origin: dict[str, Any]) -> None:
    """Write a checkpoint with its interventions, atomically.

    Weights that are unchanged since they were loaded from a folder are linked, not written again.
    ``origin`` says where the checkpoint came from (parents by digest, settings); it must not hold
    times or host names, so that equal work gives equal bytes. In a process group only the first
    process writes; if the model is sharded, all must call.
    """
    staged = stage(folder, model, tokenizer, origin)
    if staged is not None:
        staged.finish()


def stage(folder: str | Path, model, tokenizer, origin: dict[str, Any]):
    """Make all of a checkpoint except its weights' bytes, as a ``staged_checkpoint.Staged``.

    The weights are still those of the model: finish it, or copy them, before the model changes.
    None if another process writes it.
    """
    from lethe.model import precision, staged_checkpoint

    weights = None if fsdp.process_group_of(model) is None else precision.stored(model)
    if not _is_first():
        return None
    staged = staged_checkpoint.Staged.begin(Path(folder))
    try:
        _fill(staged, model, tokenizer, origin, weights)
    except BaseException:
        staged.discard()
        raise
    return staged


def _fill(staged, model, tokenizer, origin: dict[str, Any], weights) -> None:
    from lethe.model import sight, staged_checkpoint

    temporary, staged.about = staged.temporary, {"origin": origin}
    if lora.has_adapters(model):
        staged.about["base"] = lora.save(temporary, model)
    elif weights is not None or not staged_checkpoint.link_weights(model, temporary):
        staged_checkpoint.save_configuration(temporary, model)
        staged.weights = staged_checkpoint.saved_weights(model, weights)
    sight.save(temporary, model)
    staged_checkpoint.save_tokenizer(temporary, tokenizer)
    interventions.write(temporary, model)
    input_sums.write(temporary, model)
    if carried_by(model) or lora.base_has_adapters(model):
        loading_notice.put(temporary)
    card.write(temporary, origin, staged.about.get("base"))
    _check_loads(staged, model)
    _check_tokenizer(temporary, tokenizer)


def _is_first() -> bool:
    """Whether this is the first process of its group, or the only one."""
    from torch import distributed

    together = distributed.is_available() and distributed.is_initialized()
    return not together or distributed.get_rank() == 0


def _check_loads(staged, model) -> None:
    """Load the checkpoint without its weights' values; LetheError if that fails.

    The values are verified whenever they are loaded. A model that is saved again in the same form
    (names, shapes, configuration) is not checked again.
    """
    from lethe.model import weights_file

    folder = staged.temporary
    if staged.weights is None:
        _check_names(folder, model)
        return
    form = weights_file.header(staged.weights) + (folder / "config.json").read_bytes()
    if attached.model_state(model).saved_form != form:
        weights_file.write_hollow(folder / paths.WEIGHTS, staged.weights)
        _check_names(folder, model)
        attached.update_model(model, saved_form=form)


def _check_names(folder: Path, model) -> None:
    with _of_saving(folder):
        check_given(folder)
        if lora.has_adapters(model):
            from lethe.model.lora_merge import check_names

            check_names(folder, model.config)
            return
        info = _read_model(folder, device_map="meta")[1]
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            if info[kind]:
                name = min(map(str, info[kind]))
                raise LetheError(f"weights {name} ({kind.replace('_', ' ')})")


def _check_tokenizer(folder: Path, tokenizer) -> None:
    """Read a tokenizer back, once for all checkpoints that it is saved with."""
    names = sorted(file.name for file in folder.iterdir())
    wanted = [name for name in names if "token" in name or "chat" in name]
    read = {name: sha256(folder / name) for name in wanted}
    if attached.tokenizer_state(tokenizer).saved_files != read:
        with _of_saving(folder):
            if _load_tokenizer(folder)(SAMPLE).input_ids != tokenizer(SAMPLE).input_ids:
                raise LetheError("its tokenizer splits texts differently from before it was saved")
        attached.update_tokenizer(tokenizer, saved_files=read)


@contextmanager
def _of_saving(folder: Path) -> Iterator[None]:
    try:
        yield
    except LetheError as error:
        # The folder's name is temporary, and the fault lies with the model, not the folder.
        reason = str(error).removeprefix(f"{folder}: ")
        raise LetheError(
            f"the checkpoint could not be loaded again: {reason}; nothing was saved: start from a "
            "plain model in one folder (save_pretrained of transformers)"
        ) from error


def origin(source: str | Path) -> dict[str, Any]:
    """The recorded origin of a checkpoint; empty if Lethe did not write it."""
    file = Path(source) / paths.DIGEST
    return checkpoint_record.read(source)["origin"] if file.exists() else {}


def template_of(source: str | Path) -> dict[str, Any]:
    """The template that a checkpoint of ours was trained with; for others, ``CUSTOMARY``."""
    recorded = origin(source)
    given = recorded.get("template", "chat") if recorded else CUSTOMARY
    return {"name": given} if isinstance(given, str) else dict(given)
