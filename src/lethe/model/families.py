"""Families of models: how a model gives the likelihood of an answer, and who can work with it.

A causal model predicts each token from those before it. A masked-diffusion model sees the whole
text, some of whose tokens are masked, and predicts these; it has no next-token logits, and the
likelihood of an answer is an estimate (``lethe.model.masked_estimator``). Methods, wrappers and
suites declare the families that they work with; without a declaration they work with causal models
alone. Light to import.
"""

from collections.abc import Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.model import loading_notice, lora, seeing

CAUSAL, MASKED_DIFFUSION = "causal", "masked_diffusion"
# Code that needs only answers' likelihoods and greedy answers works with both.
ANY = (CAUSAL, MASKED_DIFFUSION)
FAMILIES = {CAUSAL: "next-token logits", MASKED_DIFFUSION: "a masked-diffusion model"}
# The model_type in config.json of the masked-diffusion models that are made here.
MASKED_TYPE = "lethe_masked_diffusion"
# Image-text models of transformers whose pictures are read here (``lethe.model.sight``).
SEEING_TYPES = seeing.TYPES
# Formats of other masked-diffusion models, which transformers can only load by running their code.
REMOTE_TYPES = ("llada", "llada_moe", "Dream", "dream")


def of_type(model_type: str | None) -> str:
    """The family of a ``model_type``."""
    return MASKED_DIFFUSION if model_type == MASKED_TYPE else CAUSAL


def of_source(source: str | Path) -> str:
    """The family of a checkpoint's folder; a source that is not a local folder counts as causal."""
    return of_type(type_of(source))


def type_of(source: str | Path) -> str | None:
    """The ``model_type`` of a folder, or of the base of its adapters; None if unknown."""
    folder = Path(source)
    try:
        while lora.is_adapter_folder(folder):
            folder = Path(lora.base_of(folder))
        file = folder / "config.json"
        return loading_notice.configuration(file).get("model_type") if file.is_file() else None
    except LetheError:
        # Loading the model will say what is wrong with it.
        return None


def refuse_remote(model_type: str | None, source: str | Path) -> None:
    """LetheError for a model that transformers has no class for, such as LLaDA and Dream."""
    if model_type in REMOTE_TYPES:
        raise LetheError(
            f"{source}: a masked-diffusion model of type {model_type}, which needs code of its "
            "own, which is never run; train one here (architecture masked_diffusion)"
        )


def check(families: Sequence[str], family: str, what: str, model: str) -> None:
    """LetheError if ``what`` (a method, a suite) does not work with models of a family.

    ``model``: what the message calls the model.
    """
    if family in families:
        return
    needed = " or ".join(FAMILIES[name] for name in families)
    kind = "a masked-diffusion model" if family == MASKED_DIFFUSION else "a causal model"
    raise LetheError(f"{what}: needs {needed}, but {model} is {kind}; leave it out")
