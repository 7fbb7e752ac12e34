"""Adapters that others made: merged they are what peft computes unmerged, or refused by name."""

import json
import shutil

import pytest
import torch
from helpers.small_models import plain, sharpen
from peft import IA3Config, LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from lethe.common.errors import LetheError
from lethe.model import checkpoint
from lethe.model.settings import Compute

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA = {"r": 4, "lora_alpha": 8, "target_modules": LINEAR, "task_type": "CAUSAL_LM"}
# Settings beside LORA, as others train with them. Those of tied models: the output layer is the
# embedding's own weight.
KINDS = {
    "lora": {},
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 32, "up_proj": 1}},
    "bias all": {"bias": "all", "target_modules": ["q_proj"]},
    "lora bias": {"lora_bias": True, "target_modules": ["q_proj", "v_proj"]},
    "modules": {"modules_to_save": ["lm_head", "norm"]},
    "embeddings": {"target_modules": ["embed_tokens", "q_proj"]},
    "dora embeddings": {"target_modules": ["embed_tokens", "q_proj"], "use_dora": True},
    "output": {"target_modules": ["lm_head", "q_proj"]},
    "both ends": {"target_modules": ["lm_head", "embed_tokens"]},
    "ends together": {"target_modules": ["lm_head"], "ensure_weight_tying": True},
    "tokens": {"trainable_token_indices": [5, 9]},
    "pissa": {"init_lora_weights": "pissa", "target_modules": ["q_proj"]},
    "regular expression": {"target_modules": r".*layers\.1\..*(q_proj|up_proj)"},
    "one layer": {"layers_to_transform": [1]},
}


@pytest.fixture(scope="module")
def bases(tokenizer, tmp_path_factory):
    """Plain folders of another's models: biases in attention; tied or not; with Conv1D layers."""
    top = tmp_path_factory.mktemp("bases")
    for name, kind in {"untied": "llama", "tied": "llama", "conv1d": "gpt2"}.items():
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                kind,
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                attention_bias=True,
                tie_word_embeddings=name != "untied",
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                bos_token_id=None,
            )
        )
        sharpen(model).save_pretrained(top / name)
        tokenizer.save_pretrained(top / name)
    return top


def trained(model, config, folder):
    """peft's folder of adapters in which nothing is 0, and what its own pass computes."""
    adapted = get_peft_model(model, config).eval()
    chance = torch.Generator().manual_seed(1)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn(parameter.shape, generator=chance)
    adapted.save_pretrained(folder)
    return adapted


def adapters(tokenizer, base, folder, settings):
    """A folder of LoRA adapters with a tokenizer, and the model that peft has in memory."""
    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = trained(model, LoraConfig(**{**LORA, **settings}), folder)
    tokenizer.save_pretrained(folder)
    return folder, adapted


@pytest.fixture
def plain_adapters(bases, tokenizer, tmp_path):
    return adapters(tokenizer, bases / "untied", tmp_path / "adapters", {})[0]


@torch.no_grad()
def losses(model, ids) -> torch.Tensor:
    logits = model(input_ids=ids).logits
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none"
    )


def ids(size: int) -> torch.Tensor:
    some = torch.randint(size, (3, 12), generator=torch.Generator().manual_seed(7))
    some[0, :4] = torch.tensor([5, 9, 5, 9])
    return some


def loaded_losses(model, rows) -> torch.Tensor:
    """Losses of a model that Lethe loaded, under transformers' own attention."""
    return losses(plain(model), rows)


@pytest.mark.parametrize("base", ["untied", "tied"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_merged_adapters_are_what_peft_computes(kind, base, bases, tokenizer, tmp_path):
    folder, adapted = adapters(tokenizer, bases / base, tmp_path / "adapters", KINDS[kind])
    rows = ids(len(tokenizer))
    expected = losses(adapted, rows)
    bare = losses(AutoModelForCausalLM.from_pretrained(bases / base), rows)
    assert float((expected - bare).abs().mean()) > 2e-3
    model, _ = checkpoint.load(folder)
    found = loaded_losses(model, rows)
    assert torch.allclose(found, expected, atol=1e-4)
    # And what was merged is a checkpoint like any other, for others, too.
    checkpoint.save(tmp_path / "saved", model, tokenizer, {"stage": "test"})
    again = loaded_losses(checkpoint.load(tmp_path / "saved")[0], rows)
    assert torch.allclose(again, found, atol=1e-6)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert torch.allclose(losses(theirs, rows), expected, atol=1e-4)


def test_adapters_of_conv1d_layers(bases, tokenizer, tmp_path):
    settings = {"target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True, "use_dora": True}
    folder, adapted = adapters(tokenizer, bases / "conv1d", tmp_path / "adapters", settings)
    rows = ids(len(tokenizer))
    assert torch.allclose(
        loaded_losses(checkpoint.load(folder)[0], rows), losses(adapted, rows), atol=1e-4
    )


def refusal(folder) -> str:
    with pytest.raises(LetheError) as caught:
        checkpoint.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def without(folder, drop) -> None:
    """Rewrite a folder's weights without those of which ``drop`` is true."""
    file = folder / "adapter_model.safetensors"
    left = {name: value for name, value in load_file(file).items() if not drop(name)}
    save_file(left, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        (lambda name: True, "holds no weights"),
        (lambda name: "layers.1.mlp.up_proj.lora_B" in name, "up_proj.lora_B"),
        (lambda name: "magnitude" in name, "magnitude"),
        (lambda name: name.endswith("model.norm.weight"), "norm"),
    ],
)
def test_weights_that_a_file_of_adapters_lacks_are_named(drop, words, bases, tokenizer, tmp_path):
    settings = {"use_dora": True, "modules_to_save": ["norm"]}
    folder, _ = adapters(tokenizer, bases / "untied", tmp_path / "adapters", settings)
    without(folder, drop)
    assert words in refusal(folder)


def test_weights_that_fit_no_layer_are_named(plain_adapters):
    folder = plain_adapters
    file = folder / "adapter_model.safetensors"
    state = load_file(file)
    state = {name.replace("layers.1.mlp", "layers.7.mlp"): v for name, v in state.items()}
    save_file(state, file, metadata={"format": "pt"})
    message = refusal(folder)
    assert "layers.7.mlp" in message
    assert "base_model_name_or_path" in message


def named_base(folder, base) -> None:
    """Rewrite which base a folder's adapters name."""
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text()) | {"base_model_name_or_path": str(base)}
    file.write_text(json.dumps(config))


def test_adapters_of_a_resized_vocabulary_say_what_to_do(bases, tokenizer, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(bases / "untied")
    model.resize_token_embeddings(len(tokenizer) + 8)
    config = LoraConfig(**LORA, modules_to_save=["lm_head"])
    trained(model, config, tmp_path / "adapters")
    tokenizer.save_pretrained(tmp_path / "adapters")
    named_base(tmp_path / "adapters", bases / "untied")
    message = refusal(tmp_path / "adapters")
    assert "size mismatch" in message
    assert "base_model_name_or_path" in message


def test_adapters_that_are_each_others_base_are_refused(bases, tokenizer, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, base in ((one, two), (two, one)):
        adapters(tokenizer, bases / "untied", folder, {})
        named_base(folder, base)
    message = refusal(one)
    assert "each other's base" in message
    assert str(two) in message


def test_a_whole_model_beside_a_stale_adapter_configuration_says_so(bases, tokenizer, tmp_path):
    folder = tmp_path / "whole"
    shutil.copytree(bases / "untied", folder)
    config = LoraConfig(**LORA, base_model_name_or_path=str(tmp_path / "gone"))
    config.save_pretrained(folder)
    assert "remove adapter_config.json" in refusal(folder)


@pytest.mark.parametrize(
    "config",
    [
        IA3Config(
            target_modules=["k_proj", "down_proj"],
            feedforward_modules=["down_proj"],
            task_type="CAUSAL_LM",
        ),
        PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
        LoraConfig(**LORA, alora_invocation_tokens=[5, 9]),
    ],
)
def test_adapters_that_cannot_be_merged_are_refused_by_name(config, bases, tokenizer, tmp_path):
    trained(AutoModelForCausalLM.from_pretrained(bases / "untied"), config, tmp_path / "adapters")
    tokenizer.save_pretrained(tmp_path / "adapters")
    named = config.peft_type.value if not hasattr(config, "r") else "alora_invocation_tokens"
    assert named in refusal(tmp_path / "adapters")


def test_a_bias_of_an_adapter_whose_layer_has_none_is_refused(bases, tokenizer, tmp_path):
    settings = {"lora_bias": True, "target_modules": ["q_proj", "up_proj"]}
    folder, _ = adapters(tokenizer, bases / "untied", tmp_path / "adapters", settings)
    message = refusal(folder)
    assert "layers.0.mlp.up_proj, which has no bias" in message
    assert message.endswith("train them with lora_bias: false")


def test_a_merge_that_peft_does_not_confirm_is_refused(bases, tokenizer, tmp_path, monkeypatch):
    """As a kind of layer would be that merges otherwise than it computes."""
    from peft.tuners.lora.layer import Linear

    folder, _ = adapters(
        tokenizer, bases / "untied", tmp_path / "adapters", {"target_modules": ["lm_head"]}
    )
    delta = Linear.get_delta_weight
    monkeypatch.setattr(Linear, "get_delta_weight", lambda self, name: 0.9 * delta(self, name))
    assert "nats a token off what peft computes" in refusal(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"peft_type": "LORA"}', "names no base"),
        ('{"peft_type": "LORA", "base_model_name_or_path": null}', "names no base"),
        ('{"peft_type": "LORA", "base_model_name_or_path": 3}', "names no base"),
    ],
)
def test_a_malformed_configuration_of_adapters_is_one_line(content, words, plain_adapters):
    folder = plain_adapters
    (folder / "adapter_config.json").write_text(content)
    assert words in refusal(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("r", "four"),
        ("r", 0),
        ("r", 8),
        ("lora_alpha", None),
        ("target_modules", 7),
        ("target_modules", ["no_such"]),
        ("rank_pattern", [1]),
        ("use_of_tomorrow", True),
        ("peft_type", ["LORA"]),
        ("bias", "some"),
        ("trainable_token_indices", [10**9]),
    ],
)
def test_settings_of_adapters_that_make_no_sense_are_one_line(key, value, plain_adapters):
    folder = plain_adapters
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    assert str(folder) in refusal(folder)


def test_unlearning_from_whole_modules_leaves_what_can_be_loaded(bases, tokenizer, tmp_path):
    """The command, from adapters with ``modules_to_save``, with all weights and with adapters."""
    from lethe.unlearn.methods import load
    from lethe.unlearn.unlearning import unlearn

    settings = {"modules_to_save": ["lm_head", "norm"]}
    folder, _ = adapters(tokenizer, bases / "tied", tmp_path / "adapters", settings)
    rows = [{"question": "Where was Ada born?", "answer": "Ada was born in Paris."}]
    (tmp_path / "forget10.json").write_text(json.dumps(rows[0]) + "\n")
    method = load("grad_ascent")({"epochs": 3, "batch_size": 1, "lr": 1e-2})
    for name, compute in {"whole": None, "lora": Compute(lora={"rank": 2})}.items():
        files = {"forget": tmp_path / "forget10.json"}
        out = unlearn(folder, method, files, tmp_path / name, compute=compute).checkpoints[-1]
        before, after = (checkpoint.load(source)[0] for source in (folder, out))
        found = loaded_losses(after, ids(len(tokenizer)))
        assert not torch.equal(found, loaded_losses(before, ids(len(tokenizer))))
