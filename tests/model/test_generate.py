from types import SimpleNamespace

import pytest
import torch
from helpers.small_models import FAMILIES, make_family, plain

from lethe.model.generate import PLACES, continuations, greedy, rows_at_a_time


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


def test_what_an_answer_is_known_to_begin_with_is_not_found_again(model, prompts, free):
    """Every beginning of every answer gives that answer, up to its end or limit."""
    wanted, end = free
    for share in (0, 1, 5, 30, 100):
        begun = [answer[:share] for answer in wanted]
        assert greedy(model, prompts, 60, end, begun=begun) == wanted
        # Limits hold for what is known as well.
        assert greedy(model, prompts, 60, end, 4, 7, begun) == [answer[:7] for answer in wanted]
    # An answer that is known to its end is not gone on with, and the end is no part of it.
    whole = [[*answer[:3], end] for answer in wanted]
    assert greedy(model, prompts, 60, end, begun=whole) == [answer[:3] for answer in wanted]


def test_limits_that_prompts_alone_exceed_leave_no_answer(model, prompts, free):
    wanted, end = free
    found = greedy(model, prompts, 3, end, begun=[answer[:2] for answer in wanted])
    assert found == greedy(model, prompts, 3, end) == [[] for _ in prompts]


def test_rows_that_go_together_follow_from_their_length_and_the_memory(model, monkeypatch):
    assert rows_at_a_time(model, 200) == PLACES["cpu"] // 200
    assert rows_at_a_time(model, 10**6) == 1
    # Two layers of four heads with eight numbers of four bytes, key and value.
    gpu = SimpleNamespace(
        device=SimpleNamespace(type="cuda"), config=model.config, dtype=model.dtype
    )
    memory = 8 * 1000 * (2 * 2 * 4 * 8 * 4)
    seen = SimpleNamespace(total_memory=memory)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: seen)
    assert rows_at_a_time(gpu, 100) == 10
    seen.total_memory = 10**12
    assert rows_at_a_time(gpu, 100) == PLACES["cuda"] // 100
