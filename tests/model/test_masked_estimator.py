"""Estimated likelihoods, against all masks of answers short enough to enumerate them."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import masked_models
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model import attached, batch_layout, checkpoint
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward
from lethe.model.generate import continuations, greedy
from lethe.model.likelihood import Likelihood, mean_losses
from lethe.model.masked_batch import bernoulli_masks, exact_masks, generator, lay_out
from lethe.model.padded_batch import padded
from lethe.model.sampling import Sampling, sampled
from lethe.train.microbatch import parts

PAIRS = [
    ("Where was Ada Lind born?", "In Paris."),
    ("Who is Ben?", "No one."),
    ("Who?", "Ben writes novels."),
    ("Where?", "Ada was born in Paris."),
]


@pytest.fixture(scope="module")
def made():
    return masked_models.make()


@pytest.fixture(scope="module")
def model(made):
    return made[0]


@pytest.fixture(scope="module")
def encoder(made):
    return Encoder(made[1], "chat", 60)


@pytest.fixture(scope="module")
def examples(encoder):
    return encoder.encode_all(PAIRS)


@pytest.fixture
def estimator(model):
    return attached.model_state(model).estimator


def with_draws(model, **values):
    attached.update_model(model, estimator=replace(attached.model_state(model).estimator, **values))


def test_packed_passes_are_those_of_plain_transformers(model, examples, estimator):
    masks = [np.arange(e.answer_tokens) % 3 != 1 for e in examples]
    laid = lay_out(examples, masks, estimator.mask)
    found = cross_entropy(Forward(model).masked_logits(laid), laid.labels, reduction="none")
    for row, (example, mask) in enumerate(zip(examples, masks, strict=True)):
        expected = masked_models.masked_losses(model, example, mask.nonzero()[0].tolist())
        assert torch.allclose(found[laid.row == row].double(), expected, atol=2e-4)
    # The losses are no constants: another layout would show.
    assert found.std() > 0.5


def test_all_masks_are_all_orders_of_writing(model, encoder):
    example = encoder.encode("Who is Ben?", "No.")
    assert 2 <= example.answer_tokens <= 5
    by_sets = masked_models.exact_loss(model, example)
    assert by_sets == pytest.approx(masked_models.loss_over_orders(model, example), rel=1e-12)


def test_the_estimate_lies_within_its_stated_error_of_the_exact_one(model, encoder):
    pairs = [("Who is Ben?", "No."), ("Who?", "Ben."), ("Where?", "Paris."), ("Ada?", "No one.")]
    short = [e for e in encoder.encode_all(pairs) if e.answer_tokens <= 7]
    assert len(short) >= 3
    exact = [masked_models.exact_loss(model, example) for example in short]
    errors = []
    for draws in (64, 4096):
        with_draws(model, draws=draws)
        found = Likelihood(short)(model)
        off = [
            (loss - true) / error
            for loss, true, error in zip(found.loss, exact, found.error, strict=True)
        ]
        assert max(map(abs, off)) < 4
        errors.append(sum(found.error))
    with_draws(model, draws=64)
    # A standard error falls by the root of the number of draws.
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.3)


def test_an_estimate_depends_on_its_text_alone(model, examples):
    together = Likelihood(examples)(model)
    alone = [Likelihood([example])(model, budget=50) for example in reversed(examples)][::-1]
    assert together.loss == pytest.approx([one.loss[0] for one in alone], rel=1e-5)
    assert together.error == pytest.approx([one.error[0] for one in alone], rel=1e-4)
    assert together.loss == Likelihood(examples)(model).loss
    assert len(set(together.loss)) == len(examples)


def test_methods_see_the_same_losses_as_suites(model, examples):
    batch = pack(examples)
    with torch.no_grad():
        answers = Forward(model).answers(batch)
    losses = answers.sequence_nll() / answers.sequence_tokens()
    assert losses.tolist() == pytest.approx(mean_losses(model, examples), rel=1e-5)
    assert answers.mean_nll().item() == pytest.approx(
        answers.sequence_nll().sum().item() / sum(e.answer_tokens for e in examples)
    )


def test_masks_have_exactly_as_many_places_as_drawn_uniformly():
    masks = exact_masks(np.random.default_rng(0), 5, 20_000)
    counts = np.bincount(masks.sum(1), minlength=6)
    assert counts[0] == 0
    assert np.abs(counts[1:] / 20_000 - 0.2).max() < 0.015
    for count in range(1, 6):
        share = masks[masks.sum(1) == count].mean(0)
        assert np.abs(share - count / 5).max() < 0.03
    # Of t ~ U(least, 1), the mean share is (1 + least) / 2.
    several = [bernoulli_masks(generator(k), 50, 0.2).mean() for k in range(2000)]
    assert np.mean(several) == pytest.approx(0.6, abs=0.02)


def test_a_step_does_not_depend_on_how_it_is_cut(made, examples):
    model, _ = masked_models.make(seed=3)
    model.train()
    gradients = []
    for budget in (None, 40):
        torch.manual_seed(5)
        model.zero_grad()
        forward = Forward(model)
        cut = parts({"answers": examples}, {"answers": [0, 1, 2, 3]}, budget)
        for part in cut:
            forward.answers(part["answers"]).mean_nll().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert len(cut) > 1
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-5)
    torch.manual_seed(6)
    other = forward.answers(pack(examples)).mean_nll()
    torch.manual_seed(5)
    assert forward.answers(pack(examples)).mean_nll() != other


def test_decoding_fixes_the_surest_tokens_first(model, encoder, estimator):
    prompt, steps = encoder.prompt_ids("Who is Ben?"), 5
    with_draws(model, answer_tokens=8, denoising_steps=steps)
    plain = type(model)(model.config).eval()
    plain.load_state_dict(model.state_dict())
    text, mask = [*prompt, *[estimator.mask] * 8], estimator.mask
    for left in range(steps, 0, -1):
        logits = plain(input_ids=torch.tensor([text])).logits[0]
        logits[:, mask] = -torch.inf
        open_ = [place for place, token in enumerate(text) if token == mask]
        sure = logits[open_].softmax(-1).max(-1)
        for k in sure.values.argsort(descending=True)[: math.ceil(len(open_) / left)].tolist():
            text[open_[k]] = sure.indices[k].item()
    expected = text[len(prompt) :]
    state = attached.model_state(model).estimator
    # No token of this vocabulary is -1, so that nothing is cut off.
    others = [encoder.prompt_ids("Where was Ada Lind born?"), prompt]
    assert state.decoded(model, [*others, prompt[:1]], [60, 60, 1], -1)[1] == expected
    assert len(state.decoded(model, [prompt], [len(prompt) + 3], -1)[0]) == 3
    end = expected[3]
    assert greedy(model, [prompt], 60, end) == [expected[: expected.index(end)]]
    assert mask not in expected
    with_draws(model, answer_tokens=48, denoising_steps=32)


def test_training_shows_ends_of_answers_in_every_second_row(estimator, examples):
    first, second = estimator.shown(examples, 0), estimator.shown(examples, 1)
    assert [len(e.ids) for e in first[::2]] == [len(e.ids) for e in examples[::2]]
    assert [e.answer_tokens for e in first[1::2]] == [48, 48]
    assert first[1].ids[: len(examples[1])] == examples[1].ids
    assert set(first[1].ids[len(examples[1]) :]) == {estimator.end}
    assert [e.answer_tokens for e in second[::2]] == [48, 48]
    assert second[1] == examples[1]
    cut = replace(examples[1], ids=examples[1].ids[:-1])
    assert estimator.shown([cut, cut], 0) == [cut, cut]


def test_what_needs_next_tokens_is_refused_in_one_line(model, encoder, examples):
    prompt = encoder.prompt_ids("Who?")
    asked = {
        "all logits": lambda: Forward(model).all_logits(pack(examples)),
        "states": lambda: Forward(model).hidden(pack(examples), 0),
        "logits": lambda: Forward(model).answers(pack(examples)).logits,
        "sampling": lambda: sampled(model, [prompt], ["a"], [20], encoder.end, Sampling(1)),
        "stepwise": lambda: continuations(model, [prompt], 20, encoder.end, None),
    }
    for ask in asked.values():
        with pytest.raises(LetheError, match="next-token logits") as refused:
            ask()
        assert "\n" not in str(refused.value)
    with pytest.raises(LetheError, match="open_unlearning"):
        Forward(model).answers(padded(examples, [0, 1, 2, 3], 0))


def test_a_saved_model_gives_the_same_estimates(made, model, examples, tmp_path):
    checkpoint.save(tmp_path / "saved", model, made[1], {"stage": "base"})
    again, tokenizer = checkpoint.load(tmp_path / "saved")
    assert attached.model_state(again).estimator == attached.model_state(model).estimator
    assert mean_losses(again, examples) == mean_losses(model, examples)
    assert tokenizer.mask_token_id == again.config.mask_token_id


def test_models_of_remote_code_are_refused_by_their_type(tmp_path):
    for kind in ("llada", "Dream"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "config.json").write_text(f'{{"model_type": "{kind}"}}')
        # As published, Dream has no tokenizer.json.
        for name in ("model.safetensors", "tokenizer.json")[: 1 if kind == "Dream" else 2]:
            (folder / name).write_text("")
        with pytest.raises(LetheError, match="needs code of its own") as refused:
            checkpoint.load(folder)
        assert "\n" not in str(refused.value)


def test_a_masked_model_that_lethe_did_not_load_is_refused(made):
    """Without its estimator it would be taken for a causal one."""
    model, tokenizer = made
    other = type(model)(model.config).eval()
    examples = Encoder(tokenizer, "chat", 60).encode_all(PAIRS)
    with pytest.raises(LetheError, match="needs an estimator; load it with"):
        mean_losses(other, examples)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("draws", 0), ("draws", 1), ("draws", "many"), ("training_draws", 0)),
        *(("denoising_steps", 0), ("answer_tokens", 0)),
        *(("mask_token_id", 5000), ("mask_token_id", None), ("mask_token_id", 1)),
    ],
)
def test_a_configuration_without_an_estimator_is_refused_in_one_line(made, key, value):
    model = type(made[0])(made[0].config)
    assert model.config.eos_token_id == 1
    model.config = copy.deepcopy(model.config)
    setattr(model.config, key, value)
    with pytest.raises(LetheError, match=rf"^config\.json: {key}: .*[^\n]$"):
        batch_layout.fit(model)
