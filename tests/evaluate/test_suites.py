import numpy as np
import pytest
import torch
from helpers.small_models import CLOSE, alone, make_family, plain, token_nll

from lethe.common.errors import LetheError
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy

PARAPHRASED = ("forget", "retain")


def row(question: str, wrong: int = 3) -> dict:
    return {
        "question": question,
        "answer": f"Yes, {question}",
        "paraphrased_answer": f"Well, it is {question}",
        "perturbed_answer": [f"{'no ' * (i + 1)}{question}" for i in range(wrong)],
    }


@pytest.fixture(scope="module")
def suite():
    """Every answer of every item has its own loss; token counts grow with the perturbed ones."""
    names = ("forget", "retain", "real_authors", "world_facts")
    return {name: [row(f"{name} {i * 7}?") for i in range(2 + k)] for k, name in enumerate(names)}


def collect(model, encoder, rows, epoch=0, step=0):
    return Evaluation("tofu", encoder, rows, Limits(96))(model, epoch, step)


def expected(model, encoder, question: str, answers: list[str]) -> tuple[list[float], list[int]]:
    examples = encoder.encode_all([(question, answer) for answer in answers])
    with torch.no_grad():
        losses = [token_nll(plain(model), example).mean().item() for example in examples]
    return losses, [example.answer_tokens for example in examples]


def test_columns_belong_to_their_items(model, encoder, suite, tmp_path):
    found = collect(model, encoder, suite, 2, 14)
    assert (found.epoch, found.step) == (2, 14)
    assert list(found.sets) == list(suite)
    losses = []
    for name, items in suite.items():
        columns = found.sets[name]
        assert columns.question == [item["question"] for item in items]
        assert columns.answer == [item["answer"] for item in items]
        for i, item in enumerate(items):
            answers = [item["answer"], *item["perturbed_answer"]]
            loss, tokens = expected(model, encoder, item["question"], answers)
            assert columns.answer_loss[i] == pytest.approx(loss[0], rel=CLOSE)
            assert columns.answer_tokens[i] == tokens[0]
            assert columns.perturbed_loss[i].tolist() == pytest.approx(loss[1:], rel=CLOSE)
            assert columns.perturbed_tokens[i].tolist() == tokens[1:]
            losses += loss
            if name in PARAPHRASED:
                paraphrase = [item["paraphrased_answer"]]
                loss, tokens = expected(model, encoder, item["question"], paraphrase)
                assert columns.paraphrase_loss[i] == pytest.approx(loss[0], rel=CLOSE)
                assert columns.paraphrase_tokens[i] == tokens[0]
                losses += loss
        if name not in PARAPHRASED:
            assert columns.paraphrase_loss is None
            assert columns.paraphrase_tokens is None
    # Two equal losses would hide that they were swapped.
    assert min(np.diff(sorted(losses))) > 10 * CLOSE
    # What collect gives is what records accept.
    write_records(tmp_path / "records.json", Records("tofu", [found]))
    again = read_records(tmp_path / "records.json").checkpoints[0].sets["retain"]
    assert np.array_equal(again.perturbed_loss, found.sets["retain"].perturbed_loss)


def test_generations_belong_to_their_items(model, encoder, tokenizer, suite):
    found = collect(model, encoder, suite)
    said = []
    for name, items in suite.items():
        for item, text in zip(items, found.sets[name].generation, strict=True):
            ids = greedy(model, [encoder.prompt_ids(item["question"])], 96, encoder.end)[0]
            assert text == tokenizer.decode(ids, skip_special_tokens=True).strip()
            said.append(text)
    assert len(set(said)) == len(said)


def test_unequal_numbers_of_wrong_answers(model, encoder):
    items = [row("one?", 2), row("two?", 4), row("three?", 1)]
    columns = collect(model, encoder, {"forget": items}).sets["forget"]
    assert [len(values) for values in columns.perturbed_loss] == [2, 4, 1]
    for i, item in enumerate(items):
        loss, tokens = expected(model, encoder, item["question"], item["perturbed_answer"])
        assert columns.perturbed_loss[i].tolist() == pytest.approx(loss, rel=CLOSE)
        assert columns.perturbed_tokens[i].tolist() == tokens


@pytest.mark.parametrize("key", ["perturbed_answer", "paraphrased_answer"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_answer_names_set_and_row(model, encoder, key, empty):
    rows = [row("one?"), row("two?"), row("three?")]
    if empty:
        rows[1][key] = type(rows[1][key])()
    else:
        del rows[1][key]
    with pytest.raises(LetheError, match=f"set 'forget', row 2: no {key}"):
        Evaluation("tofu", encoder, {"forget": rows}, Limits())
    if key == "paraphrased_answer":
        # A set of true facts need not have it.
        Evaluation("tofu", encoder, {"world_facts": rows}, Limits())


def token_rows(names=("forget", "holdout")):
    return {name: [row(f"{name} {i * 7}?") for i in range(3)] for name in names}


def test_tokens_are_those_of_separate_passes(model, encoder, tmp_path):
    rows = token_rows()
    found = Evaluation("tokens", encoder, rows, Limits())(model)
    for name, items in rows.items():
        columns = found.sets[name]
        for i, item in enumerate(items):
            example = encoder.encode(item["question"], item["answer"])
            assert example.ids[-1] == encoder.end
            with torch.no_grad():
                logits = alone(plain(model), example)[example.start - 1 : -1].double()
            labels = torch.tensor(example.ids[example.start :])
            p = torch.distributions.Categorical(logits=logits)
            own = p.log_prob(labels)
            deviation = ((p.logits + p.entropy()[:, None]).square() * p.probs).sum(-1).sqrt()
            zscore = (own + p.entropy()) / deviation
            match = (logits.argmax(-1) == labels).long()
            assert columns.answer_loss[i] == pytest.approx(-own.mean().item(), rel=CLOSE)
            assert columns.answer_tokens[i] == len(labels)
            # All tokens but the end token.
            assert columns.token_logprob[i] == pytest.approx(own[:-1].numpy(), rel=CLOSE)
            assert columns.token_zscore[i] == pytest.approx(zscore[:-1].numpy(), rel=10 * CLOSE)
            assert columns.token_match[i].tolist() == match[:-1].tolist()
    write_records(tmp_path / "records.json", Records("tokens", [found]))
    again = read_records(tmp_path / "records.json").checkpoints[0].sets["holdout"]
    assert again.token_zscore[2].tolist() == found.sets["holdout"].token_zscore[2].tolist()


def test_a_cut_answer_has_no_end_token_to_leave_out(model, encoder):
    rows = {"forget": [row("a question that goes on?")]}
    whole = encoder.encode(rows["forget"][0]["question"], rows["forget"][0]["answer"])
    short = Encoder(encoder.tokenizer, "chat", len(whole) - 2)
    items = Evaluation("tokens", short, rows, Limits())(model).sets["forget"]
    assert len(items.token_logprob[0]) == items.answer_tokens[0] == whole.answer_tokens - 2


def test_parts_of_a_vocabulary_give_the_same_tokens(model, encoder, monkeypatch):
    import lethe.evaluate.suites.tokens as tokens

    rows = token_rows()
    whole = Evaluation("tokens", encoder, rows, Limits())(model).sets["forget"]
    monkeypatch.setattr(tokens, "LARGEST_PART", 1)
    parts = Evaluation("tokens", encoder, rows, Limits())(model).sets["forget"]
    for one, two in zip(whole.token_zscore, parts.token_zscore, strict=True):
        assert one == pytest.approx(two, rel=1e-9)


def test_gradient_norms_are_those_of_backward(model, encoder):
    rows = token_rows()
    found = Evaluation("gradients", encoder, rows, Limits())(model)
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, items in rows.items():
        for i, item in enumerate(items):
            other = plain(model)
            example = encoder.encode(item["question"], item["answer"])
            token_nll(other, example).mean().backward()
            norms = [parameter.grad.norm().item() for parameter in other.parameters()]
            assert found.sets[name].gradient_norm[i] == pytest.approx(np.mean(norms), rel=1e-4)


def test_answers_that_the_model_knows_are_read_and_not_generated(tokenizer, encoder, monkeypatch):
    """The same columns as with generation from the question on, for much less of it."""
    from lethe.evaluate.suites import tofu
    from lethe.train.finetune import fit
    from lethe.train.settings import Schedule

    model = make_family("llama", tokenizer)
    rows = {"forget": [row(f"forget {i}?") for i in range(6)]}
    pairs = [(item["question"], item["answer"]) for item in rows["forget"]]
    examples = encoder.encode_all(pairs[:4])
    fit(model, examples, Schedule(epochs=40, lr=5e-3, batch_size=4, warmup_epochs=0), 0)
    model.eval()
    told, real = [], tofu.greedy

    def watched(*given, begun=None, **more):
        told.append(begun)
        return real(*given, begun=begun, **more)

    monkeypatch.setattr(tofu, "greedy", watched)
    found = collect(model, encoder, rows).sets["forget"]
    monkeypatch.setattr(tofu, "greedy", lambda *a, begun=None, **k: real(*a, **k))
    plainly = collect(model, encoder, rows).sets["forget"]
    assert found.generation == plainly.generation
    assert found.generation[:4] == [answer for _, answer in pairs[:4]]
    # All tokens of what it learned, the end included; of the rest what agrees.
    assert [len(some) for some in told[0][:4]] == [e.answer_tokens for e in examples]


def test_answers_are_greedy_and_belong_to_their_questions(model, encoder, tokenizer, tmp_path):
    rows = token_rows(("forget", "retain", "holdout"))
    found = Evaluation("answers", encoder, rows, Limits(96))(model)
    assert list(found.sets) == list(rows)
    for name, items in rows.items():
        columns = found.sets[name]
        assert columns.question == [item["question"] for item in items]
        assert columns.answer == [item["answer"] for item in items]
        for item, text in zip(items, columns.generation, strict=True):
            ids = greedy(model, [encoder.prompt_ids(item["question"])], 96, encoder.end)[0]
            assert text == tokenizer.decode(ids, skip_special_tokens=True).strip()
    write_records(tmp_path / "records.json", Records("answers", [found]))
    assert read_records(tmp_path / "records.json").checkpoints[0].sets["holdout"].generation
