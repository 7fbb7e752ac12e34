import pytest
import torch
from core_helpers import FAMILIES, make_family, plain

from lethe.evaluate.generate import continuations, greedy


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


def unsaid(answers: list[list[int]]) -> int:
    """A token that none of the answers holds: with it as end, only the length ends them."""
    return min(set(range(300)) - {token for answer in answers for token in answer})


@pytest.fixture
def free(model, prompts):
    """Answers of 60 tokens with their prompts, and an end token that never comes."""
    answers = reference(model, prompts, 60, None)
    return answers, unsaid(answers)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_tokens_are_those_of_transformers(tokenizer, prompts, name):
    model = make_family(name, tokenizer)
    # More than one chunk of the cache beyond the prompt.
    wanted = reference(model, prompts, 75, None)
    # An answer that repeats one token would agree too easily.
    assert any(len(set(answer)) > 5 for answer in wanted)
    for size in (1, 3, 128):
        assert greedy(model, prompts, 75, unsaid(wanted), size) == wanted
    for prompt, answer in zip(prompts, wanted, strict=True):
        assert len(prompt) + len(answer) == 75


def test_a_row_stops_at_its_end_token(model, prompts, free):
    free, _ = free
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


def test_rows_that_leave_make_room_without_moving_the_rest(model, prompts):
    """Each row ends at a length of its own: holes are filled with the last rows, step by step."""
    limits = [len(prompt) + 3 + (5 * i) % 7 for i, prompt in enumerate(prompts)]
    wanted = [
        answer[: limit - len(prompt)]
        for answer, limit, prompt in zip(
            reference(model, prompts, 75, None), limits, prompts, strict=True
        )
    ]
    never = unsaid(wanted)
    steps = [0] * len(prompts)

    def choose(logits, rows):
        """Greedy, and the end token once a row has all it should."""
        best = logits.argmax(-1)
        for place, row in enumerate(rows):
            if steps[row] == len(wanted[row]):
                best[place] = never
            steps[row] += 1
        return best

    assert continuations(model, prompts, 75, never, choose) == wanted


def test_max_length_counts_the_prompt(model, prompts, free):
    limit = sorted({len(prompt) for prompt in prompts})[1]
    whole, never = free
    for size in (1, 3, 128):
        cut = greedy(model, prompts, limit, never, size)
        for prompt, answer, longer in zip(prompts, cut, whole, strict=True):
            # Nothing for a prompt that has that length, or more, already.
            assert answer == longer[: max(0, limit - len(prompt))]
    assert [] in cut
    assert any(cut)


def test_no_prompts_no_answers(model):
    assert greedy(model, [], 60, 1) == []


def test_equal_prompts_get_equal_answers(model, prompts, free):
    """A batch without padding takes another mask than one with it."""
    answers, never = free
    for prompt, answer in zip(prompts, answers, strict=True):
        assert greedy(model, [prompt] * 3, 60, never) == [answer] * 3
