"""Merges adapters into their base with peft, and checks the result against peft's own pass.

peft computes what adapters add to a layer: LoRA and its variants (DoRA, rank-stabilised, rank
patterns), biases, and whole modules or single tokens that were trained with it. What cannot be
merged is refused, and the merged model must give one batch the same losses as the unmerged one.
"""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.model import families, loading_notice
from lethe.model.lora import CONFIG, PEFT_WEIGHTS, PREFIX

NAME = "default"
# Difference in nats per token between merged and unmerged that rounding explains. Wrong merges
# were off by 0.6 and by 2.
CLOSE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}
ROWS, LENGTH = 4, 24
ELSEWHERE = "merge them where they were trained (merge_and_unload of peft) and name that folder"

OTHER_BASE = (
    f"name the model that they were trained on in {CONFIG} (base_model_name_or_path), or "
    f"{ELSEWHERE}"
)


def merge(model, folder: str | Path):
    """Merge a folder's adapters into a model's weights, in place, and return it.

    Tied weights are untied where adapters change one of them alone. Products and sums are computed
    in float32 and rounded once to the model's dtype. LetheError if the adapters' kind cannot be
    merged, if they do not fit the model, or if the merged model's losses differ from those of
    peft's own pass.
    """
    from peft import PeftModel

    folder = Path(folder)
    config = _config(folder)
    weights = _weights(folder)
    with _quiet():
        adapted = PeftModel(model, config, adapter_name=NAME).eval()
        _check_biases(adapted, folder)
        _fill(adapted, weights, folder)
        batch = _batch(model, config)
        expected = _losses(adapted, batch)
        _untie_adapted(adapted)
        _merge_layers(adapted)
        merged = adapted.merge_and_unload()
    _note_untied(merged)
    vars(merged).pop("peft_config", None)
    _compare(_losses(merged, batch), expected, merged.dtype, folder)
    return merged.requires_grad_(True)


def check_names(folder: Path, config) -> None:
    """LetheError unless a folder's adapters are exactly those that its base needs.

    ``config``: the base's configuration, from which a model without values is built.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    seeing = config.model_type in families.SEEING_TYPES
    kind = AutoModelForImageTextToText if seeing else AutoModelForCausalLM
    with _quiet(), torch.device("meta"):
        adapted = PeftModel(kind.from_config(config), _config(folder))
        state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    saved = {name: value.shape for name, value in _weights(folder).items()}
    expected = {name: value.shape for name, value in state.items()}
    odd = {name for name, _ in saved.items() ^ expected.items()}
    if odd:
        raise LetheError(
            f"{folder}: {min(odd)} ({len(odd)} weights do not fit their base); {OTHER_BASE}"
        )


def _config(folder: Path):
    """peft's configuration of a folder; LetheError for kinds that cannot be merged."""
    from peft import LoraConfig

    settings = dict(loading_notice.configuration(folder / CONFIG))
    kind = settings.get("peft_type")
    if kind != "LORA":
        raise LetheError(f"{folder}: adapters of kind {kind} cannot be merged here; {ELSEWHERE}")
    # aLoRA acts only after certain tokens; the others change which modules the model has.
    refused = ("alora_invocation_tokens", "layer_replication", "megatron_config", "arrow_config")
    for key in refused:
        if settings.get(key):
            raise LetheError(f"{folder}: adapters with {key} cannot be merged; {ELSEWHERE}")
    settings.pop("auto_mapping", None)
    known = {
        key: value for key, value in settings.items() if key in LoraConfig.__dataclass_fields__
    }
    unknown = sorted(key for key in settings.keys() - known.keys() if settings[key])
    if unknown:
        raise LetheError(
            f"{folder}/{CONFIG}: the installed peft has no setting {unknown[0]}; {ELSEWHERE}"
        )
    return LoraConfig(**known | {"inference_mode": True})


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    # peft's name first: if that file exists, model.safetensors may be a whole model.
    files = [folder / PEFT_WEIGHTS, folder / paths.WEIGHTS]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise LetheError(f"{folder}: no {PEFT_WEIGHTS}; get the adapters' weights as safetensors")
    state = load_file(file)
    if not state:
        raise LetheError(f"{file}: holds no weights; get or make the adapters again")
    named = {name if name.startswith(PREFIX) else f"{PREFIX}{name}": v for name, v in state.items()}
    return {name: value.float() for name, value in named.items()}


def _fill(adapted, weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Load weights into a model's adapters; LetheError if any weight or adapter is left over."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    expected = get_peft_model_state_dict(adapted, adapter_name=NAME, save_embedding_layers=False)
    absent = expected.keys() - weights.keys()
    try:
        result = set_peft_model_state_dict(adapted, weights, adapter_name=NAME)
    except KeyError as error:
        raise LetheError(f"{folder}: no weights {error.args[0]}; get the adapters again") from error
    except RuntimeError as error:
        sizes = [line.strip() for line in str(error).splitlines() if "size mismatch" in line]
        if not sizes:
            raise
        raise LetheError(f"{folder}: {sizes[0].rstrip('.')} in its base; {OTHER_BASE}") from error
    if result.unexpected_keys:
        raise LetheError(
            f"{folder}: {result.unexpected_keys[0]} fits no layer of its base; {OTHER_BASE}"
        )
    # peft renames weights that older versions of transformers named differently, so its own list of
    # missing ones comes first.
    missing = [name for name in _unfilled(adapted, result.missing_keys) if NAME in name.split(".")]
    if adapted.peft_config[NAME].bias != "none":
        missing += sorted(absent)
    if missing:
        raise LetheError(
            f"{folder}: no weights {missing[0]} ({len(missing)} missing); get the adapters again"
        )


def _unfilled(adapted, names: list[str]) -> list[str]:
    """Those of the names whose weights were not loaded under another name either (tied weights)."""
    parameters = dict(adapted.named_parameters(remove_duplicate=False))
    filled = {id(value) for name, value in parameters.items() if name not in set(names)}
    return [name for name in names if id(parameters.get(name)) not in filled]


def _check_biases(adapted, folder: Path) -> None:
    """LetheError for a bias in an adapter whose layer has none that it could be added to."""
    for name, layer in adapted.named_modules():
        has_bias = getattr(layer, "lora_bias", {}).get(NAME)
        if has_bias and getattr(layer.get_base_layer(), "bias", None) is None:
            raise LetheError(
                f"{folder}: adapters with lora_bias cannot be merged into "
                f"{name.removeprefix(PREFIX)}, which has no bias; train them with lora_bias: false"
            )


def _batch(model, config) -> torch.Tensor:
    """Random token ids, always the same, including tokens that were trained individually."""
    size = model.config.get_text_config().vocab_size
    chance = torch.Generator().manual_seed(0)
    ids = torch.randint(size, (ROWS, LENGTH), generator=chance)
    given = config.trainable_token_indices or []
    singly = [i for group in given.values() for i in group] if isinstance(given, dict) else given
    some = torch.tensor(singly[: LENGTH // 2], dtype=torch.long)
    ids[0, 1 : 1 + len(some)] = some
    return ids


@torch.no_grad()
def _losses(model, ids: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of every token but the first, in nats, [B, T - 1]."""
    logits = model(input_ids=ids.to(model.device), use_cache=False).logits.float()
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten().to(logits.device), reduction="none"
    )


def _compare(losses, expected, dtype: torch.dtype, folder: Path) -> None:
    off = float((losses - expected).abs().mean())
    # A NaN is not close, either.
    if not off <= CLOSE[dtype]:
        wider = "" if dtype == torch.float32 else "load it in float32 (dtype), or "
        raise LetheError(
            f"{folder}: merged into their base, the adapters are {off:.2g} nats a token off what "
            f"peft computes; {wider}{ELSEWHERE}"
        )


def _layers(adapted) -> list[Any]:
    """peft's own layers, including those inside others (for single tokens, for example)."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in adapted.modules() if isinstance(module, BaseTunerLayer)]


def _untie_adapted(adapted) -> None:
    """Give an adapted layer its own copy of a weight that it shares, which alone is changed."""
    holders: dict[int, int] = {}
    for module in adapted.modules():
        for value in module._parameters.values():
            holders[id(value)] = holders.get(id(value), 0) + 1
    for layer in _layers(adapted):
        base = layer.get_base_layer()
        for name, value in base._parameters.items():
            if value is not None and holders[id(value)] > 1:
                base._parameters[name] = copy.deepcopy(value)
                holders[id(value)] -= 1


def _merge_layers(adapted) -> None:
    """Merge each layer in float32."""
    for layer in _layers(adapted):
        weights = [p for p in layer.get_base_layer()._parameters.values() if p is not None]
        dtypes = [weight.dtype for weight in weights]
        for weight in weights:
            weight.data = weight.data.float()
        layer.merge(safe_merge=True)
        weights = [p for p in layer.get_base_layer()._parameters.values() if p is not None]
        for weight, dtype in zip(weights, dtypes, strict=True):
            weight.data = weight.data.to(dtype)


def _note_untied(model) -> None:
    """Record in a model's configuration that its output layer is no longer tied, if that is so."""
    out, into = model.get_output_embeddings(), model.get_input_embeddings()
    if out is None or out.weight is into.weight:
        return
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = False
    model.all_tied_weights_keys = model.get_expanded_tied_weights_keys(all_submodels=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence peft's warnings about cases that are handled here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
