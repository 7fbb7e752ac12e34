"""What runs within each sequence of a packed row: every kind gives the same numbers."""

import pytest
import torch
import torch.nn.attention.varlen
from helpers.packed_models import loss_of, results, varlen_stand_in
from helpers.small_models import CLOSE, FAMILIES, distance, make_family, sharpen

from lethe.common.errors import LetheError
from lethe.model import attention
from lethe.model.attention import packed_attention, use_packing
from lethe.model.batch import pack
from lethe.model.forward import Forward
from lethe.model.likelihood import mean_losses


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_eager_gives_what_sdpa_gives(name, tokenizer, examples):
    model = make_family(name, tokenizer)
    wanted = results(model, examples)
    use_packing(model, "eager")
    found = results(model, examples)
    assert distance(found[0], wanted[0]) < CLOSE
    assert torch.allclose(found[1], wanted[1], rtol=CLOSE)
    assert found[2] == wanted[2]


def test_eager_is_what_runs(tokenizer, examples, monkeypatch):
    model = make_family("llama", tokenizer)
    use_packing(model, "eager")
    calls = []
    real = attention.eager
    monkeypatch.setattr(attention, "eager", lambda *a, **k: calls.append(1) or real(*a, **k))
    monkeypatch.setattr(attention, "scaled_dot_product_attention", None)
    loss_of(model, examples)
    blocks = len(pack(examples).packing.layout.shapes)
    assert blocks > 1
    assert len(calls) == model.config.num_hidden_layers * blocks


def test_eager_knows_windows_and_caps(tokenizer, examples):
    """As transformers' own eager attention has them, in each sequence alone."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        "gemma2",
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        intermediate_size=64,
        sliding_window=4,
        attn_logit_softcapping=0.5,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="eager",
    )
    model = sharpen(AutoModelForCausalLM.from_config(config))
    longest = max(examples, key=len)
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor([longest.ids[:-1]])).logits[0]
        use_packing(model, "eager")
        found = Forward(model).all_logits(pack([examples[0], longest]))[-len(wanted) :]
        assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4)
        use_packing(model, "sdpa")
        with pytest.raises(LetheError, match=r"sdpa cannot cap scores, .*; set it to eager"):
            Forward(model).all_logits(pack(examples))


@pytest.mark.parametrize("name", ["llama_gqa", "phi"])
@pytest.mark.parametrize("window", [None, 4])
def test_flash_is_given_what_its_kernel_wants(name, window, tokenizer, examples, monkeypatch):
    """The kernel itself was not run here: this is its call, with a stand-in of the same meaning."""
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", varlen_stand_in)
    model = make_family(name, tokenizer)
    batch = pack(examples)
    heads, groups = (4, 2) if name == "llama_gqa" else (4, 4)
    draw = torch.Generator().manual_seed(0)
    shape = (batch.ids.shape[1], 8)
    query = torch.randn(1, heads, *shape, generator=draw)
    key, value = (torch.randn(1, groups, *shape, generator=draw) for _ in range(2))
    module = model.get_decoder().layers[0]
    module.num_key_value_groups = heads // groups
    settings = {"packing": batch.packing, "sliding_window": window, "scaling": 0.3}
    wanted, _ = attention.packed_attention(module, query, key, value, None, **settings)
    found, _ = attention.packed_attention(module, query, key, value, None, kind="flash", **settings)
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_flash_leaves_trees_of_answers_to_sdpa(tokenizer, encoder, pairs, monkeypatch):
    """Their tokens lie in several sequences at once, which its kernel does not know."""
    model = make_family("llama", tokenizer)
    answers = [(question, answer) for question, _ in pairs[:2] for _, answer in pairs]
    examples = encoder.encode_all(answers)
    wanted = mean_losses(model, examples)
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", varlen_stand_in)

    def chosen(*given, kind, **settings):
        return packed_attention(*given, kind="flash", **settings)

    monkeypatch.setattr(attention, "packed_attention", chosen)
    use_packing(model)
    assert mean_losses(model, examples) == pytest.approx(wanted, rel=1e-5)


def test_flash_gets_one_kind_of_numbers_under_autocast(tokenizer, examples, monkeypatch):
    """Rotated queries and keys are float32 there, values are not."""
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", varlen_stand_in)
    model = make_family("llama", tokenizer)
    with torch.autocast("cpu", torch.bfloat16):
        wanted = loss_of(model, examples)
        chosen = lambda *given, kind, **more: packed_attention(*given, kind="flash", **more)  # noqa: E731
        monkeypatch.setattr(attention, "packed_attention", chosen)
        use_packing(model)
        found = loss_of(model, examples)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-2)


def test_flash_can_be_chosen_where_there_is_a_gpu(model, examples, monkeypatch):
    """And runs: transformers does not take its name for a kernel of the hub."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", varlen_stand_in)
    model = model.bfloat16()
    wanted = loss_of(model, examples)
    use_packing(model, "flash")
    assert loss_of(model, examples).item() == pytest.approx(wanted.item(), rel=1e-2)


def test_flash_where_it_cannot_run_is_one_line(model):
    with pytest.raises(LetheError, match="flash needs CUDA and dtype bfloat16; choose sdpa"):
        use_packing(model, "flash")
