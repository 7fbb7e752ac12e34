"""Tiny random checkpoints of transformers' image-text families, in folders as the hub has them.

Weights are random, sizes tiny, names of files and keys those of the published checkpoints.
"""

import json

import torch

WORDS = "Who is this? Where was Ada Lind born? Ada was born in Paris. Ben writes novels. No one."
NAMES = ("llava", "llava_next", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "idefics3", "smolvlm")
LLAVA_TEMPLATE = (
    "{% for message in messages %}{{ message.role | upper }}: "
    "{% for part in message.content | selectattr('type', 'equalto', 'image') %}<image>\n"
    "{% endfor %}{% for part in message.content | selectattr('type', 'equalto', 'text') %}"
    "{{ part.text }} {% endfor %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}"
    "{{ message.content }}{% else %}{% for part in message.content %}{% if part.type == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}"
)
SMOL_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'image' %}<image>{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
MARKS = {
    "llava": ("<image>",),
    "qwen": ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"),
    "idefics": (
        *("<|im_start|>", "<end_of_utterance>", "<image>", "<fake_token_around_image>"),
        *("<global-img>", *(f"<row_{r}_col_{c}>" for r in range(1, 4) for c in range(1, 4))),
    ),
}
# Of LLaVA-NeXT, as rows and columns of pixels.
RESOLUTIONS = [[8, 16], [16, 8], [16, 16], [8, 24]]
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
}


def kind(name):
    """What families that share marks and a template are called in ``MARKS``."""
    return "llava" if name.startswith("llava") else "qwen" if name.startswith("qwen") else "idefics"


def save(name, folder, seed=0):
    """Write a checkpoint of a family into a folder; returns transformers' own model, float64."""
    tokenizer = _tokenizer(MARKS[kind(name)], "<s>" if kind(name) == "llava" else None)
    template = {"llava": LLAVA_TEMPLATE, "qwen": QWEN_TEMPLATE, "idefics": SMOL_TEMPLATE}
    tokenizer.save_pretrained(folder)
    # Where the older published checkpoints keep it.
    content = {"chat_template": template[kind(name)]}
    (folder / "chat_template.json").write_text(json.dumps(content))
    processor(name).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(name, tokenizer).eval()
        for value in model.parameters():
            value.data.add_(torch.randn_like(value) * 0.1)
    model.save_pretrained(folder)
    return type(model).from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")


def processor(name):
    """An image processor, for pictures of a few pixels."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
    from transformers.models.llava_next.image_processing_pil_llava_next import (
        LlavaNextImageProcessorPil,
    )
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    square = {"size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}}
    if name == "llava":
        return CLIPImageProcessorPil(**square, do_center_crop=True)
    if name == "llava_next":
        return LlavaNextImageProcessorPil(**square, image_grid_pinpoints=RESOLUTIONS)
    if name.startswith("qwen"):
        return Qwen2VLImageProcessorPil(
            patch_size=4, merge_size=2, size={"shortest_edge": 64, "longest_edge": 512}
        )
    made = Idefics3ImageProcessorPil if name == "idefics3" else SmolVLMImageProcessorPil
    return made(size={"longest_edge": 16}, max_image_size={"longest_edge": 8})


def _tokenizer(marks, begin):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", *marks]
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 60, special_tokens=special, initial_alphabet=alphabet
    )
    made.train_from_iterator([WORDS] * 4, trainer)
    if begin:
        made.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, made.token_to_id(begin))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=list(marks),
    )


def _model(name, tokenizer):
    import transformers as t

    number = tokenizer.convert_tokens_to_ids
    text = {**TEXT, "vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1}
    if kind(name) == "llava":
        vision = t.CLIPVisionConfig(
            hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
            image_size=8, patch_size=4, projection_dim=16,
        )  # fmt: skip
        parts = {"text_config": t.LlamaConfig(**text), "vision_config": vision}
        parts["image_token_index"] = number("<image>")
        if name == "llava_next":
            made = t.LlavaNextConfig(**parts, image_grid_pinpoints=RESOLUTIONS)
            return t.LlavaNextForConditionalGeneration(made)
        return t.LlavaForConditionalGeneration(t.LlavaConfig(**parts, image_seq_length=4))
    if name in ("idefics3", "smolvlm"):
        vision = {
            "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 8, "patch_size": 2,
        }  # fmt: skip
        made, cls = (
            (t.Idefics3Config, t.Idefics3ForConditionalGeneration)
            if name == "idefics3"
            else (t.SmolVLMConfig, t.SmolVLMForConditionalGeneration)
        )
        return cls(
            made(
                text_config={"model_type": "llama", **text},
                vision_config=vision,
                image_token_id=number("<image>"),
                scale_factor=2,
            )
        )
    # Half of a head's 8 numbers, in three parts: time, row, column.
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 100.0}
    ids = {
        "image_token_id": number("<|image_pad|>"),
        "vision_start_token_id": number("<|vision_start|>"),
        "vision_end_token_id": number("<|vision_end|>"),
        "video_token_id": 2,
    }
    shared = {"depth": 2, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 2}
    if name == "qwen2_vl":
        vision = {**shared, "embed_dim": 16, "hidden_size": 16, "mlp_ratio": 2}
        config = t.Qwen2VLConfig(
            text_config={**text, "rope_parameters": rope}, vision_config=vision, **ids
        )
        return t.Qwen2VLForConditionalGeneration(config)
    shared |= {"hidden_size": 16, "out_hidden_size": 16, "intermediate_size": 24}
    if name == "qwen3_vl":
        vision = {**shared, "num_position_embeddings": 16, "deepstack_visual_indexes": [1, 0]}
        text |= {"head_dim": 8, "rope_parameters": {**rope, "mrope_interleaved": True}}
        text["num_hidden_layers"] = 3
        config = t.Qwen3VLConfig(text_config=text, vision_config=vision, **ids)
        return t.Qwen3VLForConditionalGeneration(config)
    vision = {**shared, "window_size": 16, "fullatt_block_indexes": [1]}
    config = t.Qwen2_5_VLConfig(
        text_config={**text, "rope_parameters": rope}, vision_config=vision, **ids
    )
    return t.Qwen2_5_VLForConditionalGeneration(config)


def asked(name, folder, question, answer, pixels):
    """A conversation as transformers' own processor makes inputs of it, for its own model.

    The processor is built from the folder's files; ``pixels``: None, or those of a picture, which
    comes before the question. ``answer`` None: up to where the answer begins.
    """
    from transformers import AutoImageProcessor, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    content = [{"type": "text", "text": question}]
    turns = [{"role": "user", "content": [{"type": "image"}] * (pixels is not None) + content}]
    if answer is not None:
        turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    template = json.loads((folder / "chat_template.json").read_text())["chat_template"]
    text = tokenizer.apply_chat_template(
        turns, chat_template=template, tokenize=False, add_generation_prompt=answer is None
    )
    given = {"text": [text], "return_tensors": "pt"}
    if pixels is not None:
        given["images"] = [pixels]
    return _processor(name, images, tokenizer)(**given)


def _processor(name, images, tokenizer):
    import transformers as t

    if kind(name) == "llava":
        made = t.LlavaProcessor if name == "llava" else t.LlavaNextProcessor
        return made(
            images, tokenizer, patch_size=4, vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
        )  # fmt: skip
    if kind(name) == "qwen":
        made = object.__new__(t.Qwen3VLProcessor if name == "qwen3_vl" else t.Qwen2VLProcessor)
        # Its own constructor wants a processor of films, which needs torchvision.
        made.image_processor, made.tokenizer, made.video_processor = images, tokenizer, None
        made.image_token, made.video_token = "<|image_pad|>", "<|video_pad|>"
        made.image_token_id = tokenizer.convert_tokens_to_ids(made.image_token)
        made.video_token_id, made.chat_template = -1, None
        return made
    # SmolVLM's own needs a library for numbers in words, and writes pictures in the same way.
    return t.Idefics3Processor(images, tokenizer, image_seq_len=4)
