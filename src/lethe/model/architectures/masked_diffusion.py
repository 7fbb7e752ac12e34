"""A small masked-diffusion model from scratch: a Llama that sees the whole text, with a mask."""

from pydantic import Field

from lethe.model.architectures import llama

FAMILY = "masked_diffusion"
MASK = "<|mask|>"


class Architecture(llama.Architecture):
    """Sizes as for a Llama, and how likelihoods are estimated and answers decoded."""

    answer_tokens: int = Field(48, ge=1, description="positions in which an answer is decoded")
    draws: int = Field(128, ge=2, description="Monte-Carlo draws of the likelihood of an answer")
    training_draws: int = Field(1, ge=1, description="draws for each row of a training step")
    denoising_steps: int = Field(32, ge=1, description="passes that decode an answer")


def train_tokenizer(texts, vocabulary):
    """A Llama's tokenizer with one token fewer, plus the mask."""
    tokenizer = llama.train_tokenizer(texts, vocabulary - 1)
    tokenizer.add_special_tokens({"mask_token": MASK})
    return tokenizer


def make_model(architecture, tokenizer, seed):
    """A model with random weights drawn from ``seed``."""
    import torch

    from lethe.model import batch_layout
    from lethe.model.cost import watch
    from lethe.model.masked_model import MaskedDiffusionConfig, MaskedDiffusionLM
    from lethe.model.onednn import use_onednn

    config = MaskedDiffusionConfig(
        **llama.config_values(architecture, tokenizer),
        # A Llama's 0.02 is for thousands of units; this gives logits of the same scale at every
        # size.
        initializer_range=architecture.hidden_size**-0.5,
        mask_token_id=tokenizer.mask_token_id,
        answer_tokens=architecture.answer_tokens,
        draws=architecture.draws,
        training_draws=architecture.training_draws,
        denoising_steps=architecture.denoising_steps,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MaskedDiffusionLM(config)
    batch_layout.fit(model)
    use_onednn(model)
    watch(model)
    return model
