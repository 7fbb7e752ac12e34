import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain, token_nll

from lethe.model.answer_trees import pack_trees, trees
from lethe.model.encoder import Example
from lethe.model.generate import greedy
from lethe.model.likelihood import Likelihood, by_budget, mean_losses, tree_batches

QUESTIONS = {
    "Where was Ada born?": ["Paris.", "Ada was born in Paris.", "In the city of Ben.", "No."],
    "Who?": ["Ben.", "Ada, who writes long novels about rivers."],
    "What does the author Ada Lind write?": ["Novels.", "Ada writes novels.", "Prizes.", ""],
}


@pytest.fixture(scope="module")
def probes(encoder):
    """Answers to few questions, the questions' answers not next to each other."""
    rows = [(q, a) for q, answers in QUESTIONS.items() for a in answers]
    rows = rows[::3] + rows[1::3] + rows[2::3]
    # The same pair twice must get its own place each time.
    return encoder.encode_all([*rows, rows[0]])


@torch.no_grad()
def separately(model, examples) -> torch.Tensor:
    reference = plain(model)
    return torch.tensor([token_nll(reference, example).mean().item() for example in examples])


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_values_are_those_of_separate_passes_in_order(tokenizer, probes, name):
    model = make_family(name, tokenizer)
    expected = separately(model, probes)
    # Distinct values: one in the wrong place would show.
    assert len({round(value, 3) for value in expected.tolist()}) == len(probes) - 1
    found = torch.tensor(mean_losses(model, probes))
    assert torch.allclose(found, expected, rtol=CLOSE, atol=0)
    assert found[0] == pytest.approx(found[-1].item(), rel=1e-6)


@pytest.mark.parametrize("budget", [1, 40, 90, 10**6])
def test_any_budget_gives_the_same(model, probes, budget):
    reference = mean_losses(model, probes)
    # Sums of the same numbers in another order: some units in the last place of float32.
    assert mean_losses(model, probes, budget) == pytest.approx(reference, rel=1e-6)


def test_a_question_is_encoded_once(probes):
    found = trees(probes)
    assert len(found) == len(QUESTIONS)
    assert sorted(key for tree in found for key in tree.keys) == list(range(len(probes)))
    for tree in found:
        for key, example in zip(tree.keys, tree.examples, strict=True):
            assert probes[key] is example
            assert example.ids[: example.start] == tree.prompt


def test_what_answers_share_is_computed_once(model, encoder):
    pairs = [("Who?", answer) for answer in ("Ada writes.", "Ada writes novels.", "Ben.", "Ben.")]
    examples = encoder.encode_all(pairs)
    prefixes = {e.ids[:k] for e in examples for k in range(1, len(e))}
    packed = pack_trees(trees(examples))
    assert len(packed.ids[0]) == len(prefixes) < sum(len(e) - 1 for e in examples)
    found = torch.tensor(mean_losses(model, examples))
    assert torch.allclose(found, separately(model, examples), rtol=CLOSE, atol=0)


def test_batches_stay_within_the_budget(probes):
    items = trees(probes)
    for budget in (1, 100, 200, 1000):
        batches = list(tree_batches(items, budget))
        assert sorted(id(t) for b in batches for t in b) == sorted(map(id, items))
        for batch in batches:
            size = max(t.longest for t in batch) * sum(len(t.examples) for t in batch)
            # One tree that is larger than the budget still has to be computed.
            assert len(batch) == 1 or size <= budget
    assert len(list(tree_batches(items, 10**6))) == 1


def test_batches_by_hand():
    """Longest first, equal lengths in their order; length of the first times rows is the size."""
    lengths = {"a": 2, "b": 5, "c": 2, "d": 9, "e": 4}
    assert list(by_budget(lengths, 8, lengths.get)) == [["d"], ["b"], ["e", "a"], ["c"]]
    rows = {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}
    split = [["d"], ["b"], ["e"], ["a", "c"]]
    assert list(by_budget(lengths, 8, lengths.get, rows.get)) == split
    assert list(by_budget([], 8, len)) == []


def test_prompts_that_differ_between_answers_are_not_mixed(tokenizer, model):
    """A tokenizer may merge the prompt's end with the answer's begin, which then is no label: the
    ids before an answer depend on the answer."""
    from dataclasses import replace

    from lethe.model.encoder import Encoder

    encoder = Encoder(tokenizer, "plain", 96)
    pairs = [("Where?", answer) for answer in ("rivers.", "Paris.", "the Ada", "7")]
    mixed = [replace(example, start=example.start + 1) for example in encoder.encode_all(pairs)]
    prompts = {example.ids[: example.start] for example in mixed}
    assert len(prompts) > 1
    found = torch.tensor(mean_losses(model, mixed))
    assert torch.allclose(found, separately(model, mixed), rtol=CLOSE, atol=0)


def test_an_answer_that_fills_max_length_counts_without_end_token(tokenizer, model):
    from lethe.model.encoder import Encoder

    question, answer = "Where was Ada born?", "Ada was born in Paris."
    long = Encoder(tokenizer, "chat", 96).encode(question, answer)
    cut = Encoder(tokenizer, "chat", len(long) - 2).encode(question, answer)
    found = torch.tensor(mean_losses(model, [long, cut]))
    assert torch.allclose(found, separately(model, [long, cut]), rtol=CLOSE, atol=0)


@pytest.mark.parametrize("budget", [40, 10**6])
def test_own_counts_the_tokens_that_greedy_decoding_says_too(model, encoder, pairs, budget):
    """Beginnings of its own answers, with other ends or none."""
    prompts = [encoder.prompt_ids(question) for question, _ in pairs]
    said = greedy(model, prompts, 60, encoder.end)
    assert min(map(len, said)) > 9
    examples = [
        Example((*prompt, *answer[:k], *([(answer[k] + 1) % 100] * other)), len(prompt))
        for prompt, answer in zip(prompts, said, strict=True)
        for k, other in ((0, 1), (1, 0), (4, 2), (9, 0))
    ]
    found = Likelihood(examples, range(len(examples)))(model, budget)
    assert found.own == [0, 1, 4, 9] * len(prompts)
    some = Likelihood(examples, [1, 3])(model, budget).own
    assert some == [0, 1, 0, 9] + [0] * (len(examples) - 4)
    assert found.loss == mean_losses(model, examples, budget)
