"""How often a masked-diffusion model reads a text, as ``lethe.pipeline.estimate`` counts it."""

from dataclasses import dataclass, fields
from pathlib import Path

from lethe.model import architecture, loading_notice
from lethe.model.families import MASKED_DIFFUSION
from lethe.pipeline import families
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given


@dataclass(frozen=True)
class Reading:
    """``draws``: of a likelihood, at most, since equal masks are computed once; ``training_draws``:
    of a row of a step. An answer of ``answer_tokens`` takes ``denoising_steps`` passes."""

    draws: int
    training_draws: int
    denoising_steps: int
    answer_tokens: int


def of_model(config: Config, name: str) -> Reading | None:
    """How a model reads; None for a causal one."""
    if families.of_model(config, name) != MASKED_DIFFUSION:
        return None
    model = config.model_settings[name]
    if model.base_checkpoint is None:
        values = architecture.sizes(given(model.architecture)).model_dump()
    else:
        values = loading_notice.configuration(Path(model.base_checkpoint, "config.json"))
    return Reading(**{field.name: values[field.name] for field in fields(Reading)})
