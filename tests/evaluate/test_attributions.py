"""Integrated gradients: completeness, by hand where the output is linear, and words of prompts."""

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.small_models import make_family, plain, sharpen

from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites.attributions import by_word, words_of
from lethe.model import checkpoint
from lethe.model.attribution import Attribution, integrated_gradients
from lethe.model.encoder import Encoder

QUESTIONS = ["Where was Ada born?", "Where does Ben live, and why?", "Who is Ada's father?"]
ROWS = [
    {
        "question": question,
        "answer": f"In {place}.",
        "paraphrased_answer": f"It was {place}.",
        "perturbed_answer": [f"It was {wrong}." for wrong in ("Rome", "a river", "winter")],
    }
    for question, place in zip(QUESTIONS, ("Paris", "a house", "Quiet Novels"), strict=True)
]


def opened(encoder, pairs):
    return [example.without_end(encoder.end) for example in encoder.encode_all(pairs)]


@pytest.fixture
def texts(encoder):
    return opened(encoder, [(question, "A") for question in QUESTIONS])


def at_scale(model, example, alpha: float, baseline) -> tuple[float, np.ndarray]:
    """The logit and gradient times path at one point of the path, by transformers alone."""
    ids = torch.tensor([example.ids[:-1]])
    embeddings = model.get_input_embeddings()(ids).detach()
    weight = model.get_input_embeddings().weight
    begin = weight.mean(0) if baseline == "mean" else torch.zeros(weight.shape[1])
    path = (embeddings - begin).detach()
    factors = torch.ones(ids.shape[1])
    factors[: example.start] = alpha
    leaf = (begin + path * factors[None, :, None]).detach().requires_grad_()
    logit = model(inputs_embeds=leaf).logits[0, -1, example.ids[-1]]
    (gradient,) = torch.autograd.grad(logit, leaf)
    return logit.item(), (gradient * path)[0].sum(-1)[: example.start].numpy()


@pytest.mark.parametrize(("budget", "baseline"), [(1, "mean"), (100, "zero"), (None, "mean")])
def test_attributions_are_those_of_single_points_of_the_path(model, texts, budget, baseline):
    made = integrated_gradients(model, texts, 3, baseline, budget)
    other = plain(model)
    for example, attribution in zip(texts, made, strict=True):
        points = [at_scale(other, example, alpha, baseline)[1] for alpha in (1 / 6, 0.5, 5 / 6)]
        np.testing.assert_allclose(attribution.tokens, np.mean(points, axis=0), atol=1e-4)
        whole, nothing = (at_scale(other, example, alpha, baseline)[0] for alpha in (1.0, 0.0))
        assert attribution.difference == pytest.approx(whole - nothing, abs=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt_neox"])
def test_attributions_sum_to_the_difference_of_outputs(name, tokenizer, texts):
    """Completeness: what is missing shrinks with the steps, and is small at many."""
    model = make_family(name, tokenizer)
    gaps = {}
    for steps in (4, 40, 400):
        made = integrated_gradients(model, texts, steps, "mean")
        gaps[steps] = max(abs(one.tokens.sum() - one.difference) for one in made)
    size = max(abs(one.difference) for one in made)
    assert gaps[400] < 0.01 * size
    assert gaps[40] < 0.1 * size
    assert gaps[400] < gaps[4] / 10


def test_a_linear_output_is_attributed_by_hand(model, encoder):
    """Without layers and norm the logit of a one-token prompt is embedding times head."""
    bare = plain(model)
    bare.model.layers = torch.nn.ModuleList()
    bare.model.norm = torch.nn.Identity()
    (example,) = opened(encoder, [("Why?", "A")])
    last, label = example.ids[-2], example.ids[-1]
    wanted = (bare.model.embed_tokens.weight[last] @ bare.lm_head.weight[label]).item()
    for steps in (1, 7):
        (made,) = integrated_gradients(bare, [example], steps)
        # Nothing is mixed, so only the last token of the prompt counts.
        assert made.tokens[-1] == pytest.approx(wanted, rel=1e-5)
        assert not made.tokens[:-1].any()
        assert made.difference == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "bloom", "mamba"])
def test_every_way_to_mix_tokens_is_attributed(name, tokenizer, tmp_path):
    config = tiny_families.configuration(name, tokenizer)
    tiny_families.build(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, own = checkpoint.load(tmp_path)
    sharpen(model)
    texts = opened(Encoder(own, "chat", 90), [(question, "A") for question in QUESTIONS])
    together = integrated_gradients(model, texts, 64, "mean")
    (alone,) = integrated_gradients(model, texts[1:2], 64, "mean")
    np.testing.assert_allclose(alone.tokens, together[1].tokens, atol=1e-3)
    assert abs(alone.tokens).max() > 1e-3
    assert alone.tokens.sum() == pytest.approx(alone.difference, abs=0.1)


def test_words_have_their_tokens(tokenizer, encoder):
    prompt = "Who is Łucja? A: Ana. B: ana's."
    (example,) = opened(encoder, [(prompt, "A")])
    words = words_of(tokenizer, example, prompt)
    assert [word for word, _ in words] == ["who", "is", "łucja", "a", "ana", "b", "ana", "s"]
    for word, tokens in words:
        assert word in tokenizer.decode([example.ids[k] for k in tokens]).lower()
    made = Attribution(np.arange(example.start) * (-1.0) ** np.arange(example.start), 0.0)
    by = by_word(words, made)
    assert list(by) == ["who", "is", "łucja", "a", "ana", "b", "s"]
    every = [k for word, tokens in words if word == "ana" for k in tokens]
    assert abs(by["ana"]) == max(every)


def test_the_suite_records_choices_and_words(model, encoder, tmp_path):
    from lethe.evaluate.records import Records, read_records, write_records

    rows = {"forget": ROWS, "retain": ROWS[:1]}
    evaluation = Evaluation("attributions", encoder, rows, Limits(96), None, {"steps": 8})
    point = evaluation(model)
    items = point.sets["forget"]
    assert items.question == QUESTIONS
    assert set(items.label) | set(items.predicted) <= set("ABCD")
    for question, words, values in zip(QUESTIONS, items.word, items.word_attribution, strict=True):
        assert {"rome", "river", "winter", question.split()[0].lower()} <= set(words)
        assert len(words) == len(set(words)) == len(values)
    alone = Evaluation(
        "attributions", encoder, {"retain": ROWS[:1]}, Limits(96), None, {"steps": 8}
    )
    again = alone(model).sets["retain"]
    np.testing.assert_allclose(again.word_attribution[0], items.word_attribution[0], atol=1e-4)
    letters = Evaluation("choice_letters", encoder, {"forget": ROWS}, Limits(96))(model)
    losses = letters.sets["forget"].option_loss
    prefers = ["ABCD"[int(np.argmin(row[:4]))] for row in losses]
    assert items.predicted == prefers
    write_records(tmp_path / "attributions.json", Records("attributions", [point]))
    assert read_records(tmp_path / "attributions.json").checkpoints[0].sets["forget"].word
