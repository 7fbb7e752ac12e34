"""The masked-diffusion model that is made here: a Llama whose tokens see the whole text.

Importing this module lets transformers load it by its ``model_type``.
"""

from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from lethe.model.families import MASKED_TYPE


class MaskedDiffusionConfig(LlamaConfig):
    """A Llama's sizes, and what estimates and decoding need.

    ``mask_token_id``: the absorbing mask. ``answer_tokens``: positions for a decoded answer.
    ``draws``: Monte-Carlo draws of a likelihood (N); ``training_draws``: those of a training step.
    ``denoising_steps``: passes that decode an answer.
    """

    model_type = MASKED_TYPE
    is_causal: bool = False
    mask_token_id: int = 0
    answer_tokens: int = 48
    draws: int = 128
    training_draws: int = 1
    denoising_steps: int = 32


class MaskedDiffusionLM(LlamaForCausalLM):
    """A Llama without a causal mask; its logits at a masked position are for that position."""

    config_class = MaskedDiffusionConfig

    def __init__(self, config: MaskedDiffusionConfig):
        super().__init__(config)
        for layer in self.model.layers:
            # transformers' SDPA asks the module if it is given no mask.
            layer.self_attn.is_causal = False


AutoConfig.register(MASKED_TYPE, MaskedDiffusionConfig, exist_ok=True)
AutoModelForCausalLM.register(MaskedDiffusionConfig, MaskedDiffusionLM, exist_ok=True)
