"""Checks a model's config.json before loading: its sizes are plausible, and no code is fetched.

transformers does whatever a configuration says, even one that somebody else wrote: it builds that
many layers, and downloads the code of any kernel that it names (for attention, experts or packed
weights) from the hub.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.model import loading_notice

# The most layers or experts. No model has a tenth of that; each takes about a millisecond to build.
MOST = 10_000
# The most layers times experts, for families that build each expert separately (Switch has
# 24 x 2,048).
MOST_TOGETHER = 200_000
_COUNTS = {
    "layers": re.compile(r"(^|[_.])(n_layers?|layers|blocks|depth|block_count)$"),
    "experts": re.compile(r"(^|[_.])(experts|expert_count)$"),
}
# What a configuration may not choose: transformers decides, and ``use_packing`` may then change it.
CHOICES = ("attn_implementation", "experts_implementation")
# Formats of packed weights that need kernels from the hub: those that can be unpacked instead, and
# those that cannot.
UNPACKED = ("mxfp4", "fp8")
FETCHED = ("eetq", "fbgemm_fp8", "metal")


def settled(name: str, source: Any) -> dict[str, Any]:
    """Arguments for ``from_pretrained`` that override what a model's configuration must not decide.

    ``name``: a folder or hub id; ``source``: what messages call it. LetheError for sizes that no
    model has, and for weights that only code from the hub can read.
    """
    from transformers import AutoConfig, PreTrainedConfig

    config = within(name)
    values = config.to_dict() if config else PreTrainedConfig.get_config_dict(name)[0]
    check_sizes(values, source)
    packed = values.get("quantization_config")
    method = packed.get("quant_method") if isinstance(packed, Mapping) else None
    if method in FETCHED:
        raise LetheError(
            f"{source}: weights packed by {method} need code from the hub, which is never fetched; "
            "use the model's original, unpacked weights"
        )
    config = config or AutoConfig.from_pretrained(name, trust_remote_code=False)
    if method in UNPACKED:
        config.quantization_config = {**packed, "dequantize": True}
    # Given together with the configuration, these override it whichever key it uses.
    return {"config": config, **dict.fromkeys(CHOICES)}


def within(source: Any) -> Any:
    """The configuration inside a notice (``lethe.model.loading_notice``); None for other files."""
    file = Path(source) / "config.json"
    if not loading_notice.is_one(file):
        return None
    from transformers import CONFIG_MAPPING

    values = dict(loading_notice.configuration(file))
    check_sizes(values, source)
    if values.get("model_type") not in CONFIG_MAPPING:
        raise LetheError(
            f"{file}: its notice holds a model of an unknown type; make the checkpoint again"
        )
    return CONFIG_MAPPING[values["model_type"]].from_dict(values)


def check_sizes(values: Mapping[str, Any], source: Any) -> None:
    """LetheError, naming the key, if there are more layers or experts than could be built."""
    most = dict.fromkeys(_COUNTS, 1)
    for key, number in _numbers(values):
        for kind, names in _COUNTS.items():
            if not names.search(key):
                continue
            if not 0 <= number <= MOST:
                raise LetheError(
                    f"{source}: its configuration says {key}: {number:.7g}, which no model has; "
                    "get the model again, or correct the file"
                )
            most[kind] = max(most[kind], number)
    if most["layers"] * most["experts"] > MOST_TOGETHER:
        raise LetheError(
            f"{source}: its configuration says {most['layers']} layers of {most['experts']} "
            "experts, more than can be built; get the model again, or correct the file"
        )


def _numbers(values: Any) -> Iterator[tuple[str, int | float]]:
    """Every number in a configuration and in those nested in it, with its key."""
    waiting = [values]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        if not isinstance(one, Mapping):
            continue
        for key, value in one.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield key, value
            waiting.append(value)
