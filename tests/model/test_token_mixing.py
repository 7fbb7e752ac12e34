"""One family of each kind of token mixing: the numbers are those of plain transformers."""

import copy
import json
import logging

import pytest
import torch
import torch.nn.attention.varlen
from helpers.packed_models import varlen_stand_in
from helpers.small_models import CLOSE, distance, gradients, make_family
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.evaluate.suites.gradients import gradient_norms
from lethe.evaluate.suites.tokens import answer_tokens
from lethe.model import (
    attached,
    batch_layout,
    checkpoint,
    generation_probe,
    layer_changes,
    miniature,
    plain_rows,
    precision,
    token_mixing,
)
from lethe.model.attention import use_packing
from lethe.model.batch import pack
from lethe.model.batch_layout import Fitting
from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.generate import greedy
from lethe.model.interventions import steering
from lethe.model.likelihood import mean_losses
from lethe.model.padded_batch import padded
from lethe.model.token_mixing import Mixing
from lethe.train.finetune import fit as train
from lethe.train.settings import Schedule
from lethe.unlearn import closed_form
from lethe.unlearn.wrappers.null_space import NullSpaceSettings, chosen_layers, inputs_of

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "vocab_size": 150,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": None,
}
HALF = {"num_key_value_heads": 2}
DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
PACKED, PADDED = ("packed", "packed"), ("padded", "padded")
# Kinds of token mixing: a family, its settings, and the layouts of short and of long texts.
KINDS = {
    "plain": ("llama", HALF, PACKED),
    "positions": ("gpt2", {}, PACKED),
    "window": ("mistral", HALF | {"sliding_window": 8}, PACKED),
    "own attention": ("stablelm", HALF, PADDED),
    "own attention with one key": ("falcon", {"alibi": False}, PADDED),
    "rotated by itself": ("gptj", {"rotary_dim": 4}, PADDED),
    "alibi": ("bloom", {}, PADDED),
    "alibi in a mask": ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2}, PADDED),
    "state": (
        "mamba2",
        {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8},
        PADDED,
    ),
    "convolution": ("lfm2", HALF | {"layer_types": ["conv", "full_attention"]}, PADDED),
    "sinks": (
        "gpt_oss",
        HALF | {"head_dim": 8, "num_local_experts": 4, "sliding_window": 8},
        PADDED,
    ),
    "window in a mask": (
        "phimoe",
        HALF | {"sliding_window": 8, "num_local_experts": 4},
        ("packed", "padded"),
    ),
    "frequencies by length": (
        "llama",
        HALF | {"rope_parameters": DYNAMIC, "max_position_embeddings": 16},
        ("packed", "alone"),
    ),
    "capped": ("gemma2", HALF | {"head_dim": 8, "sliding_window": 8}, PACKED),
    "another head": ("bert", {"is_decoder": True}, PACKED),
}
# Prompts and their answers' lengths: shorter and longer than every window above.
SHAPES = ((3, (2, 4)), (5, (6,)), (2, (4, 7)), (20, (5,)))


def build(family: str, **values):
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(family, **{**SIZES, **values})
    return miniature.sharpened(AutoModelForCausalLM.from_config(config)).eval()


@pytest.fixture(scope="module")
def texts() -> list[Example]:
    draw = torch.Generator().manual_seed(3)

    def some(count):
        return tuple(torch.randint(3, 149, (count,), generator=draw).tolist())

    prompts = [(some(length), answers) for length, answers in SHAPES]
    return [Example(p + some(n), len(p)) for p, answers in prompts for n in answers]


@pytest.fixture(autouse=True)
def remembered(tmp_path_factory, monkeypatch):
    """No test finds what another, or this machine's user, has found."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "lethe" / "families"


@pytest.fixture(scope="module", params=sorted(KINDS))
def pair(request, tmp_path_factory):
    """A family's model as Lethe has it, the same as transformers has it, and its layouts."""
    family, values, layouts = KINDS[request.param]
    model = build(family, **values)
    plain = copy.deepcopy(model)
    if request.param == "capped":
        plain.set_attn_implementation("eager")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("families")))
        batch_layout.fit(model)
    return model, plain, layouts


def logits(plain, ids) -> torch.Tensor:
    """At every token of one text alone, which no earlier one has left anything to."""
    plain_rows.reset(plain)
    return plain(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def nll(plain, example: Example) -> torch.Tensor:
    labels = torch.tensor(example.ids[example.start :])
    found = logits(plain, example.ids)[example.start - 1 : -1]
    return cross_entropy(found, labels, reduction="none")


@torch.no_grad()
def said(plain, prompt, length: int) -> list[int]:
    """The greedy answer, each token from a pass over the whole text."""
    ids = list(prompt)
    while len(ids) < length:
        token = int(logits(plain, ids)[-1].argmax())
        if token == SIZES["eos_token_id"]:
            break
        ids.append(token)
    return ids[len(prompt) :]


def test_the_layout_is_the_fastest_that_is_right(pair):
    model, _, (short, long) = pair
    mixed = token_mixing.of(model)
    assert (mixed.layout_of(4), mixed.layout_of(100)) == (short, long)


def test_likelihoods(pair, texts):
    model, plain, _ = pair
    with torch.no_grad():
        wanted = [nll(plain, example) for example in texts]
    assert mean_losses(model, texts) == pytest.approx([n.mean().item() for n in wanted], rel=CLOSE)
    for found, own in zip(answer_tokens(model, texts), wanted, strict=True):
        assert found.nll == pytest.approx(own.numpy(), rel=CLOSE, abs=CLOSE)


def test_gradients(pair, texts):
    model, plain, _ = pair
    total = sum(example.answer_tokens for example in texts)
    found = gradients(model, Forward(model).answers(pack(texts)).mean_nll())
    wanted = gradients(plain, sum(nll(plain, example).sum() for example in texts) / total)
    assert distance(found, wanted) < 10 * CLOSE


TRAINING = {"lora": None, "master_weights": True, "gradient_checkpointing": False}
# peft refuses to adapt what Mamba's kernels read themselves.
ADAPTERS = {"rank": 2, "alpha": 4, "dropout": 0.0, "targets": "all-linear"}
ADAPTED = {"state": ["in_proj"]}
# Of bfloat16, which has eight bits: between rows together and each alone.
COARSE = 0.05


@pytest.mark.parametrize(
    ("changed", "close"),
    [
        ({"lora": ADAPTERS}, 10 * CLOSE),
        ({"gradient_checkpointing": True}, 10 * CLOSE),
        ({"lora": ADAPTERS, "gradient_checkpointing": True}, 10 * CLOSE),
        ({"dtype": torch.bfloat16}, COARSE),
    ],
    ids=["adapters", "checkpointing", "adapters and checkpointing", "autocast"],
)
@pytest.mark.parametrize("kind", ["alibi", "own attention", "state", "sinks"])
def test_gradients_as_rows_are_trained(kind, changed, close, texts):
    """What padded rows give under adapters, checkpointing and autocast, against each row alone."""
    family, values, _ = KINDS[kind]
    model = build(family, **values)
    batch_layout.fit(model)
    model.to(changed.get("dtype", torch.float32))
    plain = copy.deepcopy(model)
    training = TRAINING | {key: value for key, value in changed.items() if key in TRAINING}
    if training["lora"]:
        training["lora"] = ADAPTERS | {"targets": ADAPTED.get(kind, ADAPTERS["targets"])}
    for each in (model, plain):
        precision.prepare(each, training, 0, "base")
        shift_adapters(each)
    total = sum(example.answer_tokens for example in texts)
    with precision.computing(model):
        ours = gradients(model, Forward(model).answers(pack(texts)).mean_nll())
        alone = sum(nll(plain, example).sum() for example in texts) / total
    wanted = gradients(plain, alone)
    assert ours.keys() == wanted.keys()
    assert ("lora" in changed) == all("lora" in name for name in ours)
    assert distance(ours, wanted) < close


def shift_adapters(model) -> None:
    """Adapters begin at 0, where half of their gradients are 0, too."""
    draw = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=draw)


def test_greedy_answers(pair, texts):
    model, plain, _ = pair
    prompts = [example.ids[: example.start] for example in texts]
    wanted = [said(plain, prompt, 23) for prompt in prompts]
    assert greedy(model, prompts, 23, SIZES["eos_token_id"]) == wanted
    assert len({tuple(answer) for answer in wanted}) > 1


def test_what_packing_alone_gives_is_wrong():
    """The fault itself: an attention that ignores the interface sees later tokens."""
    model = build("stablelm", **HALF)
    use_packing(model)
    one = Example((5, 6, 7, 8, 9, 10), 2)
    other = Example((5, 6, 7, 8, 9, 11), 2)
    forward = Forward(model)
    with torch.no_grad():
        found, moved = (forward.all_logits(pack([example, one])) for example in (one, other))
    assert torch.equal(found[:5], moved[:5])
    later = Example((5, 6, 7, 8, 99, 11), 2)
    with torch.no_grad():
        moved = forward.all_logits(pack([later, one]))
    assert not torch.allclose(found[:4], moved[:4], atol=1e-3)


def test_a_model_that_lethe_did_not_load_gives_right_numbers(texts):
    """It has transformers' own attention, which would take packed texts for one text."""
    model = build("llama")
    assert token_mixing.of(model) == token_mixing.SAFEST
    wanted = []
    for example in texts:
        ids = torch.tensor([example.ids])
        labels = torch.tensor([[-100] * example.start + list(example.ids[example.start :])])
        with torch.no_grad():
            wanted.append(model(ids, labels=labels).loss.item())
    assert mean_losses(model, texts) == pytest.approx(wanted, rel=1e-5)
    prompts = [example.ids[: example.start] for example in texts]
    said_alone = [said(model, prompt, 12) for prompt in prompts]
    assert greedy(model, prompts, 12, SIZES["eos_token_id"]) == said_alone
    losses = Forward(model).answers(pack(texts)).mean_nll()
    tokens = [len(example.ids) - example.start for example in texts]
    mean = sum(loss * count for loss, count in zip(wanted, tokens, strict=True)) / sum(tokens)
    assert losses.item() == pytest.approx(mean, rel=1e-5)


LAYOUTS = (token_mixing.PADDED, token_mixing.ALONE)


def rowed(model, layout: str):
    """The same model told to run plain rows, which it need not."""
    other = copy.deepcopy(model)
    mixing = Mixing(
        layout,
        token_mixing.RECOMPUTED,
        beyond_layout=layout,
        beyond_generation=token_mixing.RECOMPUTED,
    )
    attached.update_model(other, mixing=mixing)
    return other


@pytest.mark.parametrize("layout", LAYOUTS)
class TestRowsGiveWhatPackedRowsGive:
    """A model that can run both, by whatever reads a batch."""

    def close(self, found, wanted):
        assert found.shape == wanted.shape
        assert float((found - wanted).abs().max()) < 10 * CLOSE * float(wanted.abs().max())

    def test_logits_and_states(self, layout, model, examples):
        other, batch = rowed(model, layout), pack(examples)
        with torch.no_grad():
            for ask in (
                lambda forward: forward.all_logits(batch),
                lambda forward: forward.hidden(batch, 0),
                lambda forward: forward.hidden(batch, 1),
                lambda forward: forward.token_scores(batch, torch.ones_like(batch.labels) > 0)[0],
            ):
                self.close(ask(Forward(other)), ask(Forward(model)))
        assert gradient_norms(other, examples) == pytest.approx(
            gradient_norms(model, examples), rel=10 * CLOSE
        )

    def test_padded_batches(self, layout, model, examples):
        """Those whose padding counts, as open-unlearning has them."""
        batch = padded(examples, range(len(examples)), 0)
        with torch.no_grad():
            found, wanted = (
                Forward(m).all_logits(batch).view(len(examples), -1, 1)
                for m in (rowed(model, layout), model)
            )
        self.close(found, wanted)

    def test_states_of_layers(self, layout, model, examples):
        other = rowed(model, layout)
        found, wanted = (layer_changes.outputs(m, examples, rows=3) for m in (other, model))
        for name, values in wanted.items():
            self.close(found[name], values)
        for m in (found := [], wanted := []):
            some = other if m is found else model
            layers = chosen_layers(some, NullSpaceSettings(layers="down_proj"))
            m += inputs_of(some, layers, examples, "decoder").values()
        for one, two in zip(found, wanted, strict=True):
            self.close(one, two)

    def test_edits(self, layout, model, examples):
        shifts = []
        for some in (rowed(model, layout), model):
            module = some.get_decoder().layers[0]
            chosen = closed_form.rows(examples, [e.start - 1 for e in examples], "cpu")
            with torch.no_grad(), closed_form.seen(module, inputs=False) as states:
                Forward(some).all_logits(chosen.batch)
            start = states[0][chosen.places]
            shifts.append(
                closed_form.find_shift(some, module, chosen, closed_form.Search(steps=3), start)
            )
        self.close(*shifts)

    def test_steering(self, layout, model, examples, tokenizer):
        """The gate sees the prompt alone, also where each step computes all anew."""
        vocabulary, size = len(tokenizer), model.config.hidden_size
        draw = torch.Generator().manual_seed(0)
        kept = sorted({*examples[0].ids[: examples[0].start]})
        found = []
        for some in (rowed(model, layout), copy.deepcopy(model)):
            draw.manual_seed(0)
            intervention = steering.Intervention(
                0,
                9.0,
                0.5,
                idf=torch.ones(vocabulary),
                tokens=torch.tensor(kept),
                centroids=torch.nn.functional.normalize(torch.ones(1, len(kept)), dim=-1),
                directions=torch.randn(1, size, generator=draw),
            )
            intervention.install(some, 0)
            attached.update_model(some, interventions=(intervention,))
            prompts = [e.ids[: e.start] for e in examples]
            with torch.no_grad():
                losses = Forward(some).answers(pack(examples)).sequence_nll()
            found.append((losses, mean_losses(some, examples), greedy(some, prompts, 40, 1)))
        self.close(found[0][0], found[1][0])
        assert found[0][1] == pytest.approx(found[1][1], rel=CLOSE)
        assert found[0][2] == found[1][2]
        with torch.no_grad():
            assert not torch.allclose(
                found[1][0], Forward(model).answers(pack(examples)).sequence_nll(), rtol=1e-3
            )


def test_where_nothing_is_right_it_is_refused():
    """An encoder sees what comes later."""
    with pytest.raises(LetheError, match="BertLMHeadModel: a token's logits depend on later"):
        batch_layout.fit(build("bert", is_decoder=False))


def test_a_window_of_zero_is_none(texts):
    experts = {"num_experts": 4, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}
    model = build("qwen2_moe", **HALF, **experts, sliding_window=0)
    plain = copy.deepcopy(model)
    batch_layout.fit(model)
    prompts = [example.ids[: example.start] for example in texts]
    assert greedy(model, prompts, 24, 1) == [said(plain, prompt, 24) for prompt in prompts]


@pytest.mark.parametrize(
    ("family", "values"),
    [("gpt2", {}), ("opt", {"word_embed_proj_dim": 32, "ffn_dim": 64})],
)
def test_positions_that_end_are_one_line(family, values):
    model = build(family, **values, max_position_embeddings=12)
    batch_layout.fit(model)
    fits, long = Example((*range(3, 16),), 4), Example((*range(3, 17),), 4)
    assert len(mean_losses(model, [fits])) == 1
    words = r"13 tokens, but .* has 12 positions; set max_length to at most 12"
    with pytest.raises(LetheError, match=words):
        mean_losses(model, [fits, long])
    calls = []
    model.register_forward_pre_hook(lambda *given: calls.append(1))
    with pytest.raises(LetheError, match=r"has 13 tokens.*12 positions"):
        greedy(model, [[3, 4]], 13, 1)
    with pytest.raises(LetheError, match=words):
        train(model, [fits, long], Schedule(), 0)
    assert not calls


def test_what_was_found_is_remembered(remembered, monkeypatch, caplog):
    values = HALF | {"vocab_size": 151}
    model = build("stablelm", **values)
    with caplog.at_level(logging.INFO, "lethe.common.progress"):
        batch_layout.fit(model)
    assert "StableLmForCausalLM" in caplog.text
    (file,) = remembered.iterdir()
    monkeypatch.setattr(batch_layout, "_probed", None)
    again = build("stablelm", **values)
    again.config.name_or_path = "elsewhere"
    batch_layout.fit(again)
    assert token_mixing.of(again) == token_mixing.of(model)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(remembered.parents[1]))
    for broken in ("", "{", "[]", json.dumps({"mixing": {"layout": "sideways"}, "attention": "x"})):
        file.write_text(broken)
        other = build("stablelm", **values)
        batch_layout.fit(other)
        assert token_mixing.of(other) == token_mixing.of(model)


@pytest.mark.parametrize("what", ["config", "attention", "dtype", "device", "torch", "code"])
def test_what_it_depends_on_is_asked_anew(what, monkeypatch):
    model, attention, device = build("llama"), "sdpa", "cpu"
    before = batch_layout.key(model, Fitting(type(model), attention, None, device), "mixing_probe")
    if what == "config":
        model.config.rms_norm_eps = 1e-4
    elif what == "dtype":
        model = model.bfloat16()
    elif what == "torch":
        monkeypatch.setattr(torch, "__version__", "0")
    elif what == "code":
        monkeypatch.setattr(batch_layout, "_digest", lambda code: "other")
    given = {"attention": "eager"} if what == "attention" else {"attention": attention}
    given["device"] = "cuda" if what == "device" else device
    assert (
        batch_layout.key(model, Fitting(type(model), **given, own=None), "mixing_probe") != before
    )


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    model = build("llama")
    batch_layout.fit(model)
    assert generation_probe.fitted(model) == token_mixing.FASTEST


def test_a_loaded_checkpoint_is_fitted(tokenizer, tmp_path, examples):
    model = build("stablelm", **HALF, vocab_size=len(tokenizer))
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    with torch.no_grad():
        wanted = [nll(model, example).mean().item() for example in examples]
    for attention in ("sdpa", "eager"):
        loaded, _ = checkpoint.load(tmp_path / "model", attention=attention)
        assert token_mixing.of(loaded).layout == token_mixing.PADDED
        assert mean_losses(loaded, examples) == pytest.approx(wanted, rel=10 * CLOSE)


def test_the_default_model_keeps_its_packed_rows(tokenizer):
    model = make_family("llama", tokenizer)
    model.config._attn_implementation_internal = None
    batch_layout.fit(model)
    assert generation_probe.fitted(model) == token_mixing.FASTEST
    assert model.config._attn_implementation == "lethe_packed"


def test_the_probe_draws_nothing_of_ours():
    model = build("llama")
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    batch_layout.fit(model)
    assert torch.equal(torch.rand(3), wanted)


def test_flash_is_probed_in_its_own_numbers(monkeypatch):
    """The copy has the numbers that its kernel asks for; a family that it cannot run has rows."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", varlen_stand_in)
    model = build("llama", **HALF).bfloat16()
    batch_layout.fit(model, "flash")
    assert token_mixing.of(model).layout == token_mixing.PACKED
    assert model.config._attn_implementation == "lethe_packed_varlen"
    other = build("stablelm", **HALF).bfloat16()
    batch_layout.fit(other, "flash")
    assert token_mixing.of(other).layout == token_mixing.PADDED
    with pytest.raises(LetheError, match="flash needs CUDA and dtype bfloat16; choose sdpa"):
        batch_layout.fit(build("llama", **HALF), "flash")


def test_a_model_of_which_no_copy_can_be_built_runs_each_text_alone(texts, monkeypatch, caplog):
    def fail(*given):
        raise ValueError("no such size")

    monkeypatch.setattr(miniature, "build", fail)
    model = build("stablelm", **HALF)
    plain = copy.deepcopy(model)
    with caplog.at_level(logging.INFO, "lethe.common.progress"):
        batch_layout.fit(model)
    assert "no small copy could be built to probe it (no such size)" in caplog.text
    wanted = [nll(plain, example).mean().item() for example in texts]
    assert mean_losses(model, texts) == pytest.approx(wanted, rel=CLOSE)
    prompts = [example.ids[: example.start] for example in texts]
    assert greedy(model, prompts, 24, 1) == [said(plain, prompt, 24) for prompt in prompts]


def test_training_does_not_find_out_how_texts_are_generated(remembered):
    """So that an edit of generation trains nothing again; it is found out by the first text."""
    model = build("llama")
    batch_layout.fit(model)
    assert greedy(model, [], 8, 1) == []
    assert token_mixing.of(model).generation is None
    (layout,) = remembered.iterdir()
    greedy(model, [[3, 4]], 8, 1)
    assert token_mixing.of(model) == token_mixing.FASTEST
    assert len({layout, *remembered.iterdir()}) == 2
