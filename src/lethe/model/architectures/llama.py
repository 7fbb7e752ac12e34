"""A small Llama from scratch: its own tokenizer and random weights, no download."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

# One token for each role keeps prompts short; the template is stored with the tokenizer.
USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}" + USER + "{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}"
    + ASSISTANT
    + "{{ message['content'] }}"
    + END
    + "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)


class Architecture(BaseModel):
    """Sizes of a Llama; ``vocabulary`` is the number of tokens of its tokenizer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden_size: int = Field(128, ge=8, description="a multiple of twice the heads")
    layers: int = Field(4, ge=1, description="decoder layers")
    heads: int = Field(4, ge=1, description="attention heads of a layer")
    intermediate_size: int = Field(384, ge=8, description="width of a layer's feed-forward part")
    vocabulary: int = Field(2048, ge=300, description="tokens of the tokenizer")
    positions: int = Field(512, ge=16, description="tokens that a text may have")

    @field_validator("heads")
    @classmethod
    def _divide(cls, heads: int, info: ValidationInfo) -> int:
        size = info.data.get("hidden_size")
        if size is not None and size % (2 * heads):
            raise ValueError(
                f"hidden_size {size} is not a multiple of twice the heads ({heads}); change one of "
                "them"
            )
        return heads

    @property
    def parameters(self) -> int:
        """The number of weights; output layer and embeddings share theirs."""
        attention = 4 * self.hidden_size**2
        rest = 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        vocabulary = self.vocabulary * self.hidden_size
        return vocabulary + self.layers * (attention + rest) + self.hidden_size


def train_tokenizer(texts: Iterable[str], vocabulary: int):
    """Byte-level BPE trained on ``texts``; every string can be encoded."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, USER, ASSISTANT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def config_values(architecture: Architecture, tokenizer) -> dict[str, Any]:
    """What a Llama's configuration says about its sizes and its tokenizer."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": architecture.hidden_size,
        "intermediate_size": architecture.intermediate_size,
        "num_hidden_layers": architecture.layers,
        "num_attention_heads": architecture.heads,
        "num_key_value_heads": architecture.heads,
        "max_position_embeddings": architecture.positions,
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
    }


def make_model(architecture: Architecture, tokenizer, seed: int):
    """A Llama with random weights drawn from ``seed``."""
    import torch
    from transformers.models.llama.configuration_llama import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaForCausalLM

    from lethe.model import batch_layout
    from lethe.model.cost import watch
    from lethe.model.onednn import use_onednn

    config = LlamaConfig(**config_values(architecture, tokenizer))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    batch_layout.fit(model)
    use_onednn(model)
    watch(model)
    return model
