"""What a model's config.json asks of whoever loads it: sizes are checked, code is not fetched.

transformers follows a configuration that others wrote: it builds as many layers as that says, and
where it names a kernel (for attention, for experts, for packed weights) gets its code from the hub.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.model import loading_notice

# No model has a tenth of them; each takes about a millisecond to build.
MOST = 10_000
# Layers times experts, for families that build each expert by itself (Switch has 24 x 2,048).
MOST_TOGETHER = 200_000
_COUNTS = {
    "layers": re.compile(r"(^|[_.])(n_layers?|layers|blocks|depth|block_count)$"),
    "experts": re.compile(r"(^|[_.])(experts|expert_count)$"),
}
# What a configuration may not choose: transformers' own choice, which ``use_packing`` then changes.
CHOICES = ("attn_implementation", "experts_implementation")
# Formats of packed weights that are computed with by the hub's kernels; the first can be unpacked.
UNPACKED = ("mxfp4", "fp8")
FETCHED = ("eetq", "fbgemm_fp8", "metal")


def settled(name: str, source: Any) -> dict[str, Any]:
    """How a model is to be loaded whatever its configuration says, for ``from_pretrained``.

    ``name``: a folder or hub id, ``source``: what messages call it. LetheError for sizes that no
    model has, and for weights that only the hub's code could read.
    """
    from transformers import AutoConfig, PreTrainedConfig

    config = within(name)
    values = config.to_dict() if config else PreTrainedConfig.get_config_dict(name)[0]
    check_sizes(values, source)
    packed = values.get("quantization_config")
    method = packed.get("quant_method") if isinstance(packed, Mapping) else None
    if method in FETCHED:
        raise LetheError(
            f"{source}: weights packed by {method} need code of the hub's, which is never fetched; "
            "take the model before it was packed"
        )
    config = config or AutoConfig.from_pretrained(name, trust_remote_code=False)
    if method in UNPACKED:
        config.quantization_config = {**packed, "dequantize": True}
    # With the configuration handed over, these overrule all that it says by whatever key.
    return {"config": config, **dict.fromkeys(CHOICES)}


def within(source: Any) -> Any:
    """What a notice (``lethe.model.loading_notice``) holds as configuration; None without one."""
    file = Path(source) / "config.json"
    if not loading_notice.is_one(file):
        return None
    from transformers import CONFIG_MAPPING

    values = dict(loading_notice.configuration(file))
    check_sizes(values, source)
    if values.get("model_type") not in CONFIG_MAPPING:
        raise LetheError(f"{file}: its notice holds no model known here; make the checkpoint again")
    return CONFIG_MAPPING[values["model_type"]].from_dict(values)


def check_sizes(values: Mapping[str, Any], source: Any) -> None:
    """Refuse more layers or experts than could be built; LetheError names the key."""
    most = dict.fromkeys(_COUNTS, 1)
    for key, number in _numbers(values):
        for kind, names in _COUNTS.items():
            if not names.search(key):
                continue
            if not 0 <= number <= MOST:
                raise LetheError(
                    f"{source}: its configuration says {key}: {number:.7g}, which no model has; "
                    "get the model again, or mend the file"
                )
            most[kind] = max(most[kind], number)
    if most["layers"] * most["experts"] > MOST_TOGETHER:
        raise LetheError(
            f"{source}: its configuration says {most['layers']} layers of {most['experts']} "
            "experts, more than can be built; get the model again, or mend the file"
        )


def _numbers(values: Any) -> Iterator[tuple[str, int | float]]:
    """Every number with its key, of a configuration and of those within it."""
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
