"""Every text-generation architecture of the installed transformers, each as small as it goes.

A configuration is the family's own default with its sizes replaced by name, so that a family that
transformers adds tomorrow is built without a word here; what that does not fit stands in
``SPECIAL``. Kinds of layers all stay: of the default's layers those are taken that differ.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

WINDOW = 6
POSITIONS = 96
LAYERS = 2

# By the name of a size, in a configuration or in one below it.
_WIDTH = "hidden_size d_model n_embd emb_dim embedding_dim embedding_size dim word_embed_proj_dim"
_DEPTH = (
    "num_hidden_layers n_layer n_layers num_layers decoder_layers encoder_layers num_blocks depth "
    "num_decoder_layers num_encoder_layers num_layers_per_stack"
)
_HEADS = (
    "num_attention_heads n_head n_heads num_heads attention_heads decoder_attention_heads "
    "encoder_attention_heads num_decoder_attention_heads num_encoder_attention_heads "
    "swa_num_attention_heads"
)
_FEED = (
    "intermediate_size d_inner ffn_dim dff dim_ff decoder_ffn_dim encoder_ffn_dim ffn_hidden_size "
    "n_inner moe_intermediate_size expert_ffn_hidden_size intermediate_size_mlp feed_forward_size "
    "shared_expert_intermediate_size moe_shared_expert_intermediate_size dense_intermediate_size "
    "shared_experts_intermediate_size mlp_dim d_ff"
)
_EXPERTS = "num_experts n_routed_experts num_local_experts moe_num_experts"
_CHOSEN = "num_experts_per_tok num_experts_per_token moe_topk moe_top_k moe_k"
_WINDOWS = (
    "sliding_window window_size sliding_window_size attention_window_size local_attention "
    "attention_chunk_size"
)
_LENGTHS = (
    "max_position_embeddings n_positions n_ctx max_seq_len model_max_length context_length "
    "max_target_positions max_source_positions"
)
SIZES: dict[str, int] = {
    **dict.fromkeys(_WIDTH.split(), 32),
    **dict.fromkeys(_DEPTH.split(), LAYERS),
    **dict.fromkeys(_HEADS.split(), 4),
    **dict.fromkeys(["num_key_value_heads", "num_kv_heads", "kv_n_heads"], 2),
    **dict.fromkeys(["swa_num_key_value_heads", "num_global_key_value_heads"], 2),
    **dict.fromkeys(["head_dim", "dim_head", "d_head", "kv_channels", "swa_head_dim"], 8),
    **dict.fromkeys(["v_head_dim", "qk_nope_head_dim", "qk_rope_head_dim", "global_head_dim"], 8),
    "qk_head_dim": 16,
    "rotary_dim": 4,
    **dict.fromkeys(_FEED.split(), 48),
    **dict.fromkeys(_EXPERTS.split(), 4),
    **dict.fromkeys(_CHOSEN.split(), 2),
    **dict.fromkeys(["n_group", "num_expert_group", "topk_group"], 1),
    **dict.fromkeys(_WINDOWS.split(), WINDOW),
    **dict.fromkeys(_LENGTHS.split(), POSITIONS),
    **dict.fromkeys(["q_lora_rank", "kv_lora_rank", "o_lora_rank", "laurel_rank"], 16),
    # Indexers and their like, which choose what is seen.
    **dict.fromkeys(["index_head_dim", "hidden_size_per_layer_input", "router_hidden_size"], 16),
    "index_n_heads": 2,
    "index_topk": 4,
    "index_block_size": 4,
    "index_topk_blocks": 2,
    # Recurrent parts.
    **dict.fromkeys(["state_size", "ssm_state_size", "mamba_d_state", "time_step_rank"], 8),
    **dict.fromkeys(["mamba_dt_rank", "mamba_head_dim", "mamba_d_head", "mamba_headdim"], 8),
    **dict.fromkeys(["linear_key_head_dim", "linear_value_head_dim", "linear_head_dim"], 8),
    **dict.fromkeys(["linear_num_key_heads", "linear_num_value_heads", "linear_num_heads"], 4),
    **dict.fromkeys(["mamba_n_heads", "mamba_num_heads", "n_mamba_heads"], 8),
    **dict.fromkeys(["chunk_size", "mamba_chunk_size", "block_size"], 8),
    **dict.fromkeys(["n_groups", "mamba_n_groups", "mamba_ngroups", "o_groups"], 1),
    **dict.fromkeys(["lru_width", "attention_hidden_size", "hidden_size_global"], 32),
    "vocab_size_per_layer_input": 300,
}
COMPASS = {
    "full_attention": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
}
QWEN4 = {
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 8,
    "indexer_budget": 8,
    "indexer_compress_ratio": 2,
}
GLOBAL = {"per_layer_config": {}, "head_dim": 8}
ROC = ("pronunciation_embed_dim", "pronunciation_vocab_size", "shape_embed_dim", "shape_vocab_size")
# What a family's own sizes ask for besides.
SPECIAL: dict[str, dict[str, Any]] = {
    "blt": {"encoder_hash_byte_group_vocab": 50},
    "cohere_compass_text": {"rope_parameters": COMPASS},
    "dbrx": {"attn_config": {"rope_theta": 10000.0, "clip_qkv": 8.0}},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1},
    "dots3_note": {
        "text_config": {"head_dim": 16},
        "vision_config": {"adapter_in_dim": 32, "adapter_out_dim": 32},
        "audio_config": {"adapter_input_size": 32, "adapter_out_dim": 32},
    },
    "dots3_note_text": {"head_dim": 16},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma2": {"attn_logit_softcapping": 0.5},
    "gemma3n_text": {"num_kv_shared_layers": 0, "intermediate_size": 48},
    "gemma4": {"text_config": GLOBAL},
    "gemma4_unified": {"text_config": GLOBAL},
    "gemma4_text": GLOBAL,
    "gemma4_unified_text": GLOBAL,
    "got_ocr2": {"vision_config": {"output_channels": 16}},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "mamba2": {"num_heads": 8},
    "reformer": {"axial_pos_embds": False, "hash_seed": 0},
    "roc_bert": dict.fromkeys(ROC, 16),
    "vaultgemma": {"attn_logit_softcapping": 0.5},
    "xlm": {"causal": True},
    "xmod": {"default_language": "en_XX"},
    "zaya": {"num_experts_per_tok": 1},
    "qwen4_exp_text": QWEN4,
    "qwen4_exp": {"text_config": QWEN4},
    "nemotron": {"num_key_value_heads": 2},
    "zamba": {
        "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "num_hidden_layers": 3,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
    },
    "zamba2": {
        "mamba_headdim": 8,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "num_hidden_layers": 3,
        "hybrid_layer_ids": [1, 2],
    },
}
# Of encoders, that they decode.
DECODES = {"is_decoder": True}


# What is built besides each type as it is: by name, the type and what differs. Texts of the
# comparisons are longer than these windows and original lengths.
ORIGINAL = 16
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 1e4,
    "original_max_position_embeddings": ORIGINAL,
    "short_factor": [1.0, 1.1, 1.2, 1.3],
    "long_factor": [1.0, 2.0, 3.0, 4.0],
}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e4,
    "factor": 4.0,
    "original_max_position_embeddings": ORIGINAL,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama/dynamic-rope": (
        "llama",
        {"max_position_embeddings": ORIGINAL, "rope_parameters": DYNAMIC},
    ),
    "llama/yarn": ("llama", {"max_position_embeddings": 64, "rope_parameters": YARN}),
    "phi3/longrope": (
        "phi3",
        {"rope_parameters": LONGROPE, "original_max_position_embeddings": ORIGINAL},
    ),
    "phimoe/window": ("phimoe", {"sliding_window": WINDOW}),
    "phimoe/longrope": (
        "phimoe",
        {"rope_parameters": {**LONGROPE, "short_mscale": 1.1, "long_mscale": 1.3}},
    ),
    "qwen2/window": (
        "qwen2",
        {
            "use_sliding_window": True,
            "sliding_window": WINDOW,
            "max_window_layers": 1,
            "layer_types": None,
        },
    ),
    "qwen2_moe/window": (
        "qwen2_moe",
        {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": None},
    ),
    "gpt2/ends": ("gpt2", {"n_positions": ORIGINAL}),
    "opt/ends": ("opt", {"max_position_embeddings": ORIGINAL}),
    "falcon/alibi": ("falcon", {"alibi": True}),
    "falcon/new-decoder": ("falcon", {"new_decoder_architecture": True}),
    "stablelm/parallel": ("stablelm", {"use_parallel_residual": True, "qk_layernorm": True}),
}


def model_types() -> list[str]:
    """Of every configuration that AutoModelForCausalLM takes."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return list(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def names() -> list[str]:
    """Of all families: each type as it is, and some as they may be."""
    return [*model_types(), *FAMILIES]


def class_of(name: str) -> str:
    """The class that AutoModelForCausalLM makes of a family."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[FAMILIES.get(name, (name,))[0]]


def configuration(name: str, tokenizer):
    """A tiny configuration of a family."""
    from transformers import CONFIG_MAPPING

    model_type, more = FAMILIES.get(name, (name, {}))
    kind = CONFIG_MAPPING[model_type]
    values = _shrunk(kind().to_dict(), tokenizer)
    values = _merged(values, SPECIAL.get(model_type, {}))
    values = _merged(values, more)
    values.pop("transformers_version", None)
    values.pop("model_type", None)
    return kind(**values)


def build(config, seed: int = 0):
    """A model with large random weights, so that what a token sees shows in its logits."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return sharpen(model, seed)


@torch.no_grad()
def sharpen(model, seed: int):
    """Draw matrices as large as keeps signals their size, and shift vectors a little."""
    draw = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.empty(parameter.shape).normal_(generator=draw)
        if parameter.dim() > 1:
            parameter.copy_(0.2 * noise)
        else:
            parameter.add_(0.1 * noise)
    return model.eval()


def _merged(values: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(values)
    for key, value in more.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = _merged(found[key], value) if both else value
    return found


def _shrunk(values: Mapping[str, Any], tokenizer) -> dict[str, Any]:
    """A configuration's values, small; those below it as well."""
    depth = next((values[k] for k in _DEPTH.split() if isinstance(values.get(k), int)), None)
    layers = _different_layers(values, depth)
    return dict(_small(values, depth, layers, tokenizer))


def _small(values, depth, layers, tokenizer) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key == "per_layer_config":
            some = {layers.index(int(k)): v for k, v in value.items() if int(k) in layers}
            yield key, {k: dict(_small(v, depth, layers, tokenizer)) for k, v in some.items()}
        elif isinstance(value, Mapping) and ("model_type" in value or key.endswith("_config")):
            yield key, _shrunk(value, tokenizer)
        elif key == "vocab_size" or (key.endswith("_vocab_size") and value == values["vocab_size"]):
            yield key, len(tokenizer)
        elif _is_chance(key, value):
            yield key, 0.0
        elif key == "bos_token_id":
            # Some must have one.
            yield key, tokenizer.pad_token_id
        elif key in ("pad_token_id", "eos_token_id"):
            yield key, getattr(tokenizer, key)
        elif key == "num_key_value_heads" and values.get("kv_lora_rank"):
            yield key, SIZES["num_attention_heads"]
        elif key == "head_dim" and value is None:
            yield key, SIZES[key]
        elif key in DECODES:
            yield key, DECODES[key]
        elif key in _DEPTH.split() and isinstance(value, int):
            yield key, len(layers) if value == depth else LAYERS
        elif isinstance(value, list) and depth and len(value) == depth:
            yield key, [value[layer] for layer in layers]
        elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
            yield key, SIZES.get(key, value)
        else:
            yield key, value


def _is_chance(key: str, value) -> bool:
    """Whether a value is how often something is dropped or shaken."""
    names = ("drop", "jitter", "pdrop")
    return isinstance(value, float) and any(name in key for name in names)


def _different_layers(values: Mapping[str, Any], depth: int | None) -> list[int]:
    """The first layer of each kind, and more up to ``LAYERS``, in order."""
    if depth is None:
        return list(range(LAYERS))
    lists = [v for v in values.values() if isinstance(v, list) and len(v) == depth]
    kinds: dict[str, int] = {}
    for layer in range(depth):
        kinds.setdefault(repr([v[layer] for v in lists if _names_kind(v)]), layer)
    chosen = set(kinds.values())
    for layer in range(depth):
        if len(chosen) < min(LAYERS, depth):
            chosen.add(layer)
    return sorted(chosen)


def _names_kind(values: list) -> bool:
    return len({repr(v) for v in values}) <= 4
