"""Estimating the memory of a model's jobs before they run: on the GPU, and main memory.

Bytes by arithmetic: weights, gradients and AdamW's moments by their count, activations by the width
and depth of a Llama with as many weights. Light to import.
"""

from collections.abc import Iterable

from lethe.model.settings import Compute
from lethe.pipeline import sizes
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import method
from lethe.pipeline.disk import size_of
from lethe.pipeline.sizes import BYTES

# Numbers that training holds in memory for each token in each layer.
ACTIVATIONS = 34
# Memory of evaluation on a device as a multiple of the weights' bytes, including the keys and
# values of what it generates.
EVALUATING = 1.3
# Main memory of each process for Python, torch and the data.
BESIDE = 2000 * 2**20
# Bytes of a weight in a training's saved state: the weight and two moments, in float32.
STATE = 12
# Rows of a step if `compute.microbatch_tokens` does not bound its tokens.
STEP_ROWS = 32
# Mean tokens of TOFU's published rows: characters / 4.0, as for Llama-2 in the official logs.
QUESTION, ANSWER = 18, 42
TEMPLATE = {"chat": 45, "llama3": 45, "llama2": 8, "phi": 6, "phi_prompted": 6, "plain": 1}
# Stages in which weights are trained, as named in `Compute.training`.
TRAINING = ("finetune", "unlearn", "relearn")
# Main memory of the other stages as a multiple of the weights' bytes.
HELD = {"evaluate": 2, "random": 3, "interpolate": 4, "compare": 5}
# Bytes of a weight while a GGUF file is unpacked.
CONVERTING = 12


def weights(config: Config, name: str) -> int:
    """A model's number of weights; LetheError if it is not known before the model is loaded."""
    count = sizes.parameters(config.model_settings[name])
    if count is None:
        size_of(config, name, "whole")
    return count


def stored(config: Config, name: str) -> int:
    """Bytes of a model's weights in the dtype that it computes in."""
    return weights(config, name) * BYTES[config.model_settings[name].dtype]


def trained(count: int, compute: Compute, stage: str) -> float:
    """Bytes of weights, gradients and moments while a stage trains ``count`` weights."""
    lora = compute.training(stage)["lora"]
    if lora is not None:
        adapters = 16 * sizes.adapter_parameters(count, lora["rank"])
        return count * BYTES[compute.dtype] + adapters
    # Weights, gradient and two moments; with master weights also a copy to compute with.
    return count * (4 * 4 + 2 if _mixed(compute) else 4 * BYTES[compute.dtype])


def row_tokens(config: Config, name: str) -> int:
    """Mean tokens of a row in a model's template."""
    template = config.model_settings[name].template
    return TEMPLATE[template if isinstance(template, str) else template.name] + QUESTION + ANSWER


def frozen_copy(
    config: Config, name: str, stage: str, methods: Iterable[str] | None = None
) -> float:
    """Bytes of the second model that some of the methods (by default all listed) compare with."""
    if stage != "unlearn" or config.model_settings[name].training(stage)["lora"] is not None:
        return 0
    named = config.methods if methods is None else methods
    copies = any(method(config, one).passes.frozen for one in named)
    return stored(config, name) if copies else 0


def activations(config: Config, name: str) -> float:
    """Approximate bytes of one micro-batch of a training step."""
    width = _width(config, name)
    depth = width / 128
    tokens = config.compute.microbatch_tokens or STEP_ROWS * row_tokens(config, name)
    again = config.model_settings[name].gradient_checkpointing
    return tokens * width * (2 * depth + ACTIVATIONS if again else ACTIVATIONS * depth)


def _width(config: Config, name: str) -> float:
    """The width h of a Llama, which has h / 128 blocks with 12 h^2 weights each."""
    return (weights(config, name) * 128 / 12) ** (1 / 3)


def layers(config: Config, name: str) -> int:
    """Approximate number of a model's layers, by its number of weights."""
    return max(1, round(_width(config, name) / 128))


def on_device(config: Config, name: str, stage: str, methods: Iterable[str] | None = None) -> float:
    """Bytes on the device of a process that holds the whole model.

    ``stage``: one of ``TRAINING``; any other loads the model and trains nothing.
    """
    if stage not in TRAINING:
        return EVALUATING * stored(config, name)
    training = trained(weights(config, name), config.model_settings[name], stage)
    return training + frozen_copy(config, name, stage, methods) + activations(config, name)


def in_shards(
    config: Config,
    name: str,
    stage: str,
    processes: int,
    methods: Iterable[str] | None = None,
) -> float:
    """Bytes on the device of each process when ``processes`` of them train a model together."""
    whole = on_device(config, name, stage, methods)
    if stage not in TRAINING:
        return whole
    moving = activations(config, name)
    return (whole - moving) / processes + moving


def in_main(
    config: Config,
    name: str,
    stage: str,
    processes: int = 1,
    methods: Iterable[str] | None = None,
    on_gpu: bool = False,
) -> float:
    """Bytes of main memory that a job takes; ``on_gpu``: it computes on a GPU.

    ``stage``: one of ``TRAINING`` or of ``HELD``, or ``convert``. Every process loads the whole
    model before it goes to a GPU, and one of them writes what is saved.
    """
    beside = BESIDE * (1 + (processes - 1) / 2)
    if stage == "convert":
        return beside + CONVERTING * weights(config, name)
    stored_weights = stored(config, name)
    if stage in HELD:
        return beside + processes * HELD[stage] * stored_weights
    if not on_gpu:
        return beside + processes * on_device(config, name, stage, methods) + stored_weights
    compute = config.model_settings[name]
    whole = compute.training(stage)["lora"] is None
    loaded = (
        4 * weights(config, name) if _mixed(compute) and whole else stored_weights
    ) + frozen_copy(config, name, stage, methods)
    state = STATE * weights(config, name) if whole else 0
    return beside + max(processes * loaded, state, 2 * stored_weights)


def _mixed(compute: Compute) -> bool:
    return compute.dtype != "float32" and compute.master_weights
