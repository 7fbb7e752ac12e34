import pytest
import torch

from core_helpers import FAMILIES, make_family, plain
from lethe.evaluate.generate import greedy

# No token of the vocabulary: generation goes on until the length ends it.
NEVER = 10**6


def reference(model, prompts, max_length: int, end: int | None) -> list[list[int]]:
    """transformers' own greedy search, one prompt at a time."""
    model, answers = plain(model), []
    # Else the model's own end token would stop it.
    model.generation_config.eos_token_id = end
    for prompt in prompts:
        ids = torch.tensor([prompt])
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_length=max_length,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=0,
        )
        answer = out[0, len(prompt) :].tolist()
        answers.append(answer[:-1] if answer[-1] == end else answer)
    return answers


@pytest.fixture(scope="module")
def prompts(encoder, pairs):
    """Prompts of many lengths, some of them equal, not in order of length."""
    found = [encoder.prompt_ids(question) for question, _ in pairs]
    found += [prompt[:-3] + prompt[-2:] for prompt in found[:3]]
    assert [len(p) for p in found] != sorted(len(p) for p in found)
    return found


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_tokens_are_those_of_transformers(tokenizer, prompts, name):
    model = make_family(name, tokenizer)
    # More than one chunk of the cache beyond the prompt.
    wanted = reference(model, prompts, 75, None)
    # An answer that repeats one token would agree too easily.
    assert any(len(set(answer)) > 5 for answer in wanted)
    for size in (1, 3, 128):
        assert greedy(model, prompts, 75, NEVER, size) == wanted
    for prompt, answer in zip(prompts, wanted, strict=True):
        assert len(prompt) + len(answer) == 75


def test_a_row_stops_at_its_end_token(model, prompts):
    free = greedy(model, prompts, 60, NEVER)
    # A token that some rows reach, at different places, and others never.
    counts = {
        token: {answer.index(token) for answer in free if token in answer}
        for token in {token for answer in free for token in answer}
    }
    end = max(counts, key=lambda token: len(counts[token]))
    assert len(counts[end]) > 1
    assert any(end not in answer for answer in free)
    wanted = [answer[: answer.index(end)] if end in answer else answer for answer in free]
    assert wanted == reference(model, prompts, 60, end)
    for size in (1, 3, 128):
        assert greedy(model, prompts, 60, end, size) == wanted


def test_max_length_counts_the_prompt(model, prompts):
    limit = sorted({len(prompt) for prompt in prompts})[1]
    free = greedy(model, prompts, 60, NEVER)
    for size in (1, 3, 128):
        cut = greedy(model, prompts, limit, NEVER, size)
        for prompt, answer, whole in zip(prompts, cut, free, strict=True):
            # Nothing for a prompt that has that length, or more, already.
            assert answer == whole[: max(0, limit - len(prompt))]
    assert [] in cut
    assert any(cut)


def test_no_prompts_no_answers(model):
    assert greedy(model, [], 60, NEVER) == []


def test_equal_prompts_get_equal_answers(model, prompts):
    """A batch without padding takes another mask than one with it."""
    padded = greedy(model, prompts, 60, NEVER)
    for prompt, answer in zip(prompts, padded, strict=True):
        assert greedy(model, [prompt] * 3, 60, NEVER) == [answer] * 3
