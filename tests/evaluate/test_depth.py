"""The suite ``depth``: states of one model in another, by hand and row by row."""

import copy
import json

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.shared_data import shared_folder
from helpers.small_models import PAIRS, make_family, plain, sharpen

from lethe.common.errors import LetheError
from lethe.evaluate.entities import fact_spans, token_flags
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits, Reference
from lethe.model import checkpoint, token_mixing
from lethe.model.attention import use_packing
from lethe.model.encoder import Encoder

# Longer than its neighbours, or with other facts, so that batches have several lengths.
ROWS = [{"question": question, "answer": answer} for question, answer in PAIRS]


def asked(model, encoder, full, rows=ROWS, limits=None, **settings):
    reference = Reference(full, encoder)
    evaluation = Evaluation(
        "depth", encoder, {"forget": rows}, limits or Limits(96), None, settings, reference
    )
    return evaluation(model).sets["forget"]


def disturbed(model, seed: int = 1):
    """The same model after a training that moved its weights."""
    other, draw = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=draw))
    return other


def row_by_row(model, full, encoder, row, spans=None) -> list[float]:
    """The definition with transformers' own hidden states, one text and one layer at a time."""
    example = encoder.encode(row["question"], row["answer"])
    ids = torch.tensor([example.ids])
    words = list(example.ids[example.start : -1])
    spans = fact_spans(row, "row") if spans is None else spans
    flags = token_flags(encoder.tokenizer, words, row["answer"], spans)
    at = [example.start - 1 + k for k, flag in enumerate(flags) if flag]
    layers = full.base_model.layers

    def score(hook=None, layer=0):
        handle = layers[layer].register_forward_hook(hook) if hook else None
        with torch.no_grad():
            logs = full(ids).logits[0].log_softmax(-1)
        if handle:
            handle.remove()
        return torch.stack([logs[k, example.ids[k + 1]] for k in at]).mean().item()

    deltas = []
    for layer in range(len(layers)):
        state = []
        noted = model.base_model.layers[layer].register_forward_hook(
            lambda module, inputs, output, state=state: state.append(output)
        )
        with torch.no_grad():
            model(ids)
        noted.remove()

        def replace(module, inputs, output, states=state[0]):
            output = output.clone()
            for k in at:
                output[0, k] = states[0, k]
            return output

        deltas.append(score() - score(replace, layer))
    return deltas


@pytest.mark.parametrize("name", ["llama", "qwen2"])
@pytest.mark.parametrize("budget", [1, 90, None])
def test_a_batch_gives_what_single_rows_give(name, budget, tokenizer, encoder):
    full = make_family(name, tokenizer)
    model = disturbed(full)
    items = asked(model, encoder, full, limits=Limits(96, None, budget))
    one, two = plain(model), plain(full)
    for row, deltas in zip(ROWS, items.layer_delta, strict=True):
        wanted = row_by_row(one, two, encoder, row) if fact_spans(row, "") else []
        assert deltas.tolist() == pytest.approx(wanted, abs=2e-5)
    lost = [abs(x) for row in items.layer_delta for x in row]
    assert max(lost) > 0.01


def test_the_whole_answer_can_be_asked_about(model, encoder):
    other = disturbed(model)
    items = asked(other, encoder, model, span="answer")
    assert items.entity == [row["answer"] for row in ROWS]
    whole = [(0, len(ROWS[3]["answer"]))]
    wanted = row_by_row(plain(other), plain(model), encoder, ROWS[3], whole)
    assert items.layer_delta[3].tolist() == pytest.approx(wanted, abs=2e-5)


def test_a_model_loses_nothing_by_its_own_states(model, encoder):
    items = asked(model, encoder, model)
    assert {x for row in items.layer_delta for x in row} == {0.0}
    assert not any(layer._forward_hooks for layer in model.base_model.layers)


@pytest.mark.parametrize("name", ["gpt2", "bloom", "gpt_oss", "mamba", "falcon"])
def test_every_way_to_mix_tokens_is_patched(name, tokenizer, tmp_path):
    """Whether tokens share a row or not: an item alone has the values that it has in a batch."""
    config = tiny_families.configuration(name, tokenizer)
    tiny_families.build(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    full, own = checkpoint.load(tmp_path)
    encoder = Encoder(own, "chat", 90)
    model = disturbed(sharpen(full))
    items = asked(model, encoder, full, span="answer")
    for number in (0, 3):
        alone = asked(model, encoder, full, [ROWS[number]], span="answer")
        assert alone.layer_delta[0] == pytest.approx(items.layer_delta[number], abs=1e-4)
    assert np.abs(np.array(items.layer_delta)).max() > 0.01
    assert {len(row) for row in items.layer_delta} == {config.num_hidden_layers}
    assert (token_mixing.of(full).layout == token_mixing.PACKED) is (name == "gpt2")


# --- two layers by hand ---


@pytest.fixture
def two_layers(tokenizer):
    """Two layers that only add a vector each: what they put out follows without running them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=4, intermediate_size=4, num_hidden_layers=2,
        num_attention_heads=2, mlp_bias=True, pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )  # fmt: skip

    def made(first: list[float], second: list[float]):
        model = LlamaForCausalLM(config).eval()
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in model.model.layers.parameters():
                weight.zero_()
            model.model.embed_tokens.weight.normal_(generator=draw)
            model.lm_head.weight.normal_(generator=draw)
            for layer, vector in zip(model.model.layers, (first, second), strict=True):
                layer.mlp.down_proj.bias.copy_(torch.tensor(vector))
        use_packing(model)
        return model

    return made


def test_two_layers_by_hand(two_layers, encoder):
    b, c = [1.0, -0.5, 0.0, 2.0], [0.5, 0.5, -1.0, 0.0]
    full, model = two_layers(b, c), two_layers(b, [0.0, 2.0, 1.0, -1.0])
    other = two_layers([0.0, 0.0, 3.0, 0.0], c)
    row = {"question": "Where was Ada born?", "answer": "Ada was born in Paris.", "entity": "Paris"}
    example = encoder.encode(row["question"], row["answer"])
    at = [k for k in range(example.start, len(example)) if k in _paris(encoder, example)]
    head, embedding = (
        w.detach().double().numpy() for w in (full.lm_head.weight, full.model.embed_tokens.weight)
    )

    def score(first, second) -> float:
        """Mean log-probability: embedding + both vectors, normalised, times the head."""
        logs = []
        for k in at:
            x = embedding[example.ids[k - 1]] + np.array(first) + np.array(second)
            logits = head @ (x / np.sqrt((x**2).mean() + full.config.rms_norm_eps))
            logs.append(logits[example.ids[k]] - np.log(np.exp(logits).sum()))
        return float(np.mean(logs))

    last = score(b, c) - score(b, [0.0, 2.0, 1.0, -1.0])
    # Its first layer is full's; its second is not.
    assert asked(model, encoder, full, [row]).layer_delta[0] == pytest.approx([0, last], abs=1e-5)
    both = score(b, c) - score([0.0, 0.0, 3.0, 0.0], c)
    # What the first layer lacks is lacking after the second too.
    assert asked(other, encoder, full, [row]).layer_delta[0] == pytest.approx([both] * 2, abs=1e-5)
    assert abs(last) > 0.05
    assert abs(both) > 0.05


def _paris(encoder, example) -> set[int]:
    """The places of the tokens that make up "Paris", by leaving tokens out one by one."""
    decode = encoder.tokenizer.decode
    text = decode(example.ids[example.start :])
    before, after = text.partition("Paris")[0], text.partition("Paris")[0] + "Paris"
    return {
        k
        for k in range(example.start, len(example))
        if len(decode(example.ids[example.start : k + 1])) > len(before)
        and len(decode(example.ids[example.start : k])) < len(after)
    }


# --- which tokens count ---


WRONG = ["Ana was born in Rome, Italy.", "Ana was born in Oslo, Norway."]


def test_the_fact_is_what_the_row_says():
    row = {"question": "Who?", "answer": "Ana saw Ana.", "entity": "Ana", "prefix": "Ana saw"}
    assert fact_spans(row, "row 1") == [(8, 11)]
    assert fact_spans({**row, "prefix": "He saw"}, "row 1") == [(0, 3)]
    with pytest.raises(LetheError, match=r"^row 1: its answer does not contain its entity 'Bea'"):
        fact_spans({**row, "entity": "Bea"}, "row 1")


def test_the_fact_is_what_only_the_right_answer_says():
    answer = "The city of her birth is Ghent, Belgium, in fact."
    row = {
        "question": "Where was Ana born?",
        "answer": answer,
        "paraphrased_answer": "Ana was born in Ghent, Belgium.",
        "perturbed_answer": WRONG,
    }
    assert fact_spans(row, "") == [(25, 39)]
    assert answer[25:39] == "Ghent, Belgium"
    upper = {**row, "paraphrased_answer": "Ana was born in GHENT, belgium."}
    assert fact_spans(upper, "") == [(25, 39)]


def test_the_fact_is_in_novel_words_otherwise():
    row = {"question": "Where was Ana born?", "answer": "Ana was born in Ghent, Belgium."}
    assert fact_spans(row, "") == [(16, 21), (23, 30)]
    # The part that differs is not in the answer.
    other = {**row, "paraphrased_answer": "Ana was born abroad.", "perturbed_answer": WRONG}
    assert fact_spans(other, "") == [(16, 21), (23, 30)]
    assert fact_spans({"question": "Who is Ana?", "answer": "She is Ana."}, "") == []


@pytest.mark.parametrize("wrong", [None, [], ["  "]])
def test_wrong_answers_that_say_nothing_are_none(wrong):
    row = {"question": "Where was Ada born?", "answer": "Ada was born in Riga."}
    assert fact_spans({**row, "perturbed_answer": wrong}, "row 1") == fact_spans(row, "row 1")


@pytest.mark.parametrize("template", ["chat", "phi", "plain"])
def test_tokens_share_a_character_with_the_fact(tokenizer, template):
    encoder = Encoder(tokenizer, template, 96)
    answer = "Ada Łagiń 🙂 won in Paris."
    ids = list(encoder.encode("Who?", answer).ids)
    words = ids[encoder.encode("Who?", answer).start : -1]
    for text in ("Ada", "Łagiń", "🙂", "Paris"):
        begin = answer.find(text)
        flags = token_flags(tokenizer, words, answer, [(begin, begin + len(text))])
        said = tokenizer.decode([i for i, flag in zip(words, flags, strict=True) if flag])
        assert text in said
        # A token may hold a neighbour, but not a further word.
        assert len(said.split()) <= 2
    assert not any(token_flags(tokenizer, words, answer, []))


def test_an_answer_that_was_cut_off_has_the_tokens_that_are_left(tokenizer, model):
    short = Encoder(tokenizer, "chat", len(Encoder(tokenizer).encode("Who?", "Ada in").ids) - 1)
    rows = [{"question": "Who?", "answer": "Ada in the very far city of Paris.", "entity": "Paris"}]
    items = asked(model, short, model, rows)
    assert items.entity == [""]
    assert items.layer_delta[0].tolist() == []


def test_the_published_rows_have_their_entities():
    file = shared_folder("oracle", "uds") / "forget10_filtered.json"
    if not file.is_file():
        pytest.skip(f"no published rows at {file}")
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert len(rows) == 367
    for row in rows:
        ((begin, end),) = fact_spans(row, f"row {row['idx']}")
        assert row["answer"][begin:end] == row["entity"].strip()


# --- what is refused ---


def test_models_of_other_sizes_are_one_line(model, encoder, tokenizer):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**{**model.config.to_dict(), "num_hidden_layers": 3})
    deeper = LlamaForCausalLM(config).eval()
    use_packing(deeper)
    wanted = "one architecture, but one is llama with 3 layers of width 32 and .* with 2 layers"
    with pytest.raises(LetheError, match=wanted) as error:
        asked(deeper, encoder, model)
    assert "\n" not in str(error.value)


def test_answers_split_into_other_tokens_are_one_line(model, encoder):
    prepared = Evaluation("depth", encoder, {"forget": ROWS[:1]}, Limits(96), None, {}, None)
    short = Encoder(encoder.tokenizer, "chat", len(encoder.encode(*PAIRS[0]).ids) - 1)
    prepared.beside = [Reference(model, short)]
    with pytest.raises(LetheError, match=r"set 'forget', row 1: the model and .* one tokenizer"):
        prepared(model)
