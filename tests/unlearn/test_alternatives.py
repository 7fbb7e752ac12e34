"""Answers of the model's own: sampled from its distribution, seeded, and never the row's own."""

import pytest
import torch
from helpers.small_models import alone, plain

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.model.encoder import Example
from lethe.model.generate import greedy
from lethe.unlearn import alternatives
from lethe.unlearn.alternatives import Alternatives, propose, sample, write_alternatives
from lethe.unlearn.supervision import read_supervision


@pytest.fixture
def prompts(encoder, pairs):
    return [encoder.prompt_ids(question) for question, _ in pairs]


def test_sampled_tokens_follow_the_models_distribution(model, prompts):
    """The first token of many samples of one prompt, at temperature 4."""
    count, temperature = 4000, 4.0
    prompt = prompts[0]
    logits = alone(plain(model), Example(tuple(prompt), 1))[-1]
    expected = (logits / temperature).softmax(-1)
    found = sample(model, [prompt] * count, len(prompt) + 1, -1, temperature, "one")
    seen = torch.bincount(torch.tensor([ids[0] for ids in found]), minlength=len(expected)) / count
    # Total variation of as many draws as this from the right distribution is about 0.09 here.
    assert (seen - expected).abs().sum() / 2 < 0.15
    wrong = logits.softmax(-1)
    assert (seen - wrong).abs().sum() / 2 > 0.25


def test_a_sample_does_not_depend_on_the_others(model, prompts, encoder):
    together = sample(model, prompts, 60, encoder.end, 1.0, (0, 0))
    assert together[:3] == sample(model, prompts[:3], 60, encoder.end, 1.0, (0, 0))
    assert together == sample(model, prompts, 60, encoder.end, 1.0, (0, 0))
    assert together != sample(model, prompts, 60, encoder.end, 1.0, (1, 0))


def test_cold_samples_are_greedy(model, prompts, encoder):
    cold = sample(model, prompts, 60, encoder.end, 1e-4, 0)
    assert cold == greedy(model, prompts, 60, encoder.end)


def test_alternatives_differ_from_the_answer_and_each_other(model, encoder, pairs):
    found = propose(model, encoder, pairs, Alternatives(count=3), 0)
    for (_, answer), others in zip(pairs, found, strict=True):
        assert len(set(others)) == 3
        assert answer not in others
        assert all(others)
    assert found == propose(model, encoder, pairs, Alternatives(count=3), 0)
    assert found != propose(model, encoder, pairs, Alternatives(count=3), 1)


def parrot(answers, after: int):
    """Stands for the sampler: repeats the row's answer in the first rounds, as one who knows it."""
    asked = []

    def ask(model, encoder, pairs, rows, prompt, temperature, key):
        asked.append((list(rows), temperature))
        return [
            answers[row] if key[1] < after else f"Other {number}."
            for number, row in enumerate(rows)
        ]

    return ask, asked


def test_rows_that_repeat_their_answer_are_asked_again_warmer(monkeypatch, pairs):
    ask, asked = parrot([answer for _, answer in pairs], 2)
    monkeypatch.setattr(alternatives, "_ask", ask)
    found = propose(None, None, pairs[:2], Alternatives(count=2), 0)
    assert found == [["Other 0.", "Other 1."], ["Other 2.", "Other 3."]]
    assert [rows for rows, _ in asked] == [[0, 0, 1, 1]] * 3
    assert [temperature for _, temperature in asked] == [1.0, 1.25, 1.25**2]


def test_a_model_that_says_nothing_else_is_an_error(monkeypatch, pairs):
    ask, _ = parrot([answer for _, answer in pairs], 99)
    monkeypatch.setattr(alternatives, "_ask", ask)
    with pytest.raises(LetheError, match=r"no 2 other answers to 'Where was Ada born\?'"):
        propose(None, None, pairs[:2], Alternatives(count=2), 0)


def test_the_prompt_carries_question_and_answer(model, encoder, pairs, monkeypatch):
    asked = []
    monkeypatch.setattr(encoder, "prompt_ids", lambda text: asked.append(text) or [2, 5, 3])
    settings = Alternatives(count=1, prompt="Not <answer>: <question>")
    propose(model, encoder, pairs[:1], settings, 0)
    assert asked[0] == "Not Ada was born in Paris.: Where was Ada born?"
    with pytest.raises(LetheError, match=r"alternatives\.prompt: .*<question>"):
        validated(Alternatives, {"prompt": "Say something."}, "alternatives")


def test_they_belong_to_rows_by_text(tmp_path, encoder, pairs):
    file, forget = tmp_path / "alternatives.json", tmp_path / "forget10.json"
    turned = pairs[::-1]
    write_alternatives(file, turned, [[f"Not {answer}"] for _, answer in turned])
    write_alternatives(forget, pairs, [[]] * len(pairs))
    files = {"forget": forget, "alternatives": file}
    data = read_supervision(encoder, ("alternatives",), files)
    assert [others for others in data.alternates] == [[f"Not {answer}"] for _, answer in pairs]
    write_alternatives(file, pairs[1:], [["x"]] * (len(pairs) - 1))
    with pytest.raises(LetheError, match=r"alternatives\.json: no alternatives for 'Where was Ada"):
        read_supervision(encoder, ("alternatives",), files)
