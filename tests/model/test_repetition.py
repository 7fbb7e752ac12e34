"""Answers that repeat themselves are finished by one pass, with the tokens of single steps."""

import pytest
import torch
from helpers import tiny_families
from helpers.small_models import make_family

from lethe.model import attached, checkpoint, repetition
from lethe.model.generate import greedy
from lethe.model.intervention import Base, attach

# A token that no model here says before the limit.
UNSAID = 0
LIMIT = 100


@pytest.fixture(scope="module")
def prompts(encoder, pairs):
    return [encoder.prompt_ids(question) for question, _ in pairs]


@pytest.fixture
def stepwise(monkeypatch):
    """Greedy answers by a step for each token."""

    def answers(*arguments):
        with monkeypatch.context() as patched:
            patched.setattr(repetition, "suits", lambda model: False)
            return greedy(*arguments)

    return answers


def circling(tokenizer, name: str = "llama"):
    """A model whose next token follows from the last one alone, so that it ends in a circle."""
    model = make_family(name, tokenizer)
    for layer in model.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
    return model


def counted(model) -> list[int]:
    """The tokens of each pass that the model makes from now on."""
    passes: list[int] = []

    def note(module, arguments, keywords):
        ids = keywords.get("input_ids", arguments[0] if arguments else None)
        passes.append(ids.numel())

    model.model.register_forward_pre_hook(note, with_kwargs=True)
    return passes


@pytest.mark.parametrize(
    ("answer", "span", "period"),
    [
        ([7] * 16, 12, 1),
        ([7] * 12, 12, 0),  # Eleven equal the one before.
        ([7] * 15, 12, 0),  # Looked at every four tokens only.
        ([1, 2, 3, 4, *[7] * 16], 12, 1),
        ([9, 9, *[5, 6] * 7], 12, 2),
        ([*[5, 6] * 7, 5, 7], 12, 0),
        ([*range(20), *range(20)], 12, 20),
        ([*range(20), *range(16)], 12, 0),  # Not a whole period.
        ([9, *range(20), *range(19)], 12, 0),
        ([7] * 16, 24, 0),
        ([7] * 28, 24, 1),
        ([], 12, 0),
    ],
)
def test_when_an_answer_repeats(answer, span, period):
    assert repetition.period(answer, span) == period


def test_circles_are_finished_by_a_pass_and_not_by_steps(tokenizer, prompts, stepwise):
    model = circling(tokenizer)
    wanted = stepwise(model, prompts, LIMIT, UNSAID)
    assert {len(p) + len(a) for p, a in zip(prompts, wanted, strict=True)} == {LIMIT}
    passes = counted(model)
    assert greedy(model, prompts, LIMIT, UNSAID) == wanted
    # Each of the longest answer's tokens would be a step.
    assert len(passes) < max(map(len, wanted)) - 20
    # And limits of their own.
    limits = [LIMIT - i for i in range(len(prompts))]
    cut = [a[: n - len(p)] for p, a, n in zip(prompts, wanted, limits, strict=True)]
    assert greedy(model, prompts, limits, UNSAID) == cut


# With our cache, and without one.
@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "gpt_neox", "lfm2", "mamba"])
def test_what_does_not_go_on_as_assumed_goes_on_by_steps(
    name, tokenizer, prompts, stepwise, monkeypatch, tmp_path
):
    """All answers are said to repeat: what the model would not say is not kept."""
    tiny_families.build(tiny_families.configuration(name, tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, _ = checkpoint.load(tmp_path)
    assert repetition.suits(model)
    wanted = stepwise(model, prompts, 60, UNSAID)
    longest = max(wanted, key=len)
    assert len(longest) > 40
    asked = []

    def every_eighth(answer, span):
        asked.append(len(answer))
        return 3 if answer and len(answer) % 8 == 0 else 0

    monkeypatch.setattr(repetition, "period", every_eighth)
    assert greedy(model, prompts, 60, UNSAID) == wanted
    assert 8 in asked
    # The end of an answer is none of its tokens, wherever it comes.
    end = longest[20]
    assert greedy(model, prompts, 60, end) == stepwise(model, prompts, 60, end)


def test_how_far_the_model_agrees(tokenizer, prompts, stepwise):
    model = make_family("llama", tokenizer)
    wanted = stepwise(model, prompts, 60, UNSAID)
    for length in (1, 2, 5):
        answers = [answer[:12] for answer in wanted]
        found = repetition.agreed(
            model, prompts, answers, [length] * len(answers), [60] * len(answers)
        )
        for some, answer in zip(found, wanted, strict=True):
            draft = (answer[12 - length : 12] * 60)[: len(answer) - 12]
            right = [a == b for a, b in zip(draft, answer[12:], strict=True)]
            assert some == draft[: [*right, False].index(False)]


def test_only_plain_models_in_float32_are_read_ahead(tokenizer):
    assert repetition.suits(make_family("llama", tokenizer))
    assert not repetition.suits(make_family("llama", tokenizer).bfloat16())
    changed = make_family("llama", tokenizer)
    attach(changed, tokenizer, Base())
    assert not repetition.suits(changed)
    seeing = make_family("llama", tokenizer)
    attached.update_model(seeing, sight=object())
    assert not repetition.suits(seeing)
