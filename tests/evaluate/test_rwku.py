"""RWKU's suites on a small model: what is asked in which words, and losses of plain texts."""

import pytest
import torch
from helpers import made_rwku

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import rwku, trivia
from lethe.model.encoder import Encoder
from lethe.world import tofu_format
from lethe.world.provider import provider


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The rows of every part that is asked about one person."""
    source = provider("rwku", path=made_rwku.write(tmp_path_factory.mktemp("rwku"), 1), seed=0)
    return {
        author.name: [tofu_format.qa_row(item) for item in author.items]
        for author in source.holdout(0)
    }


@pytest.fixture
def long(tokenizer):
    return Encoder(tokenizer, "chat", 400)


def recorded(name, encoder, model, rows, **settings):
    suite.check(name, rows, settings)
    limits = Limits(max_length=encoder.max_length)
    return Evaluation(name, encoder, rows, limits, settings=settings)(model)


def greedy(model, ids, most):
    """What transformers writes after some tokens."""
    with torch.no_grad():
        out = model.generate(
            torch.tensor([ids]), max_new_tokens=most, do_sample=False, pad_token_id=0
        )
    return out[0, len(ids) :].tolist()


def probe(level, kind, query="Who?"):
    return {"question": query, "answer": "a", "level": level, "type": kind}


@pytest.mark.parametrize(
    ("row", "prompt", "begun"),
    [
        (
            probe("1", "cloze"),
            "Please complete the blank in the following question.\nQuestion: Who?\n",
            "Answer:",
        ),
        (
            probe("2", "simple question"),
            "Please briefly answer the following question.\nQuestion: Who?\n",
            "Answer:",
        ),
        (
            probe("3", "affirmative suffix"),
            "Please briefly answer the following question.\nQuestion: Who?",
            "",
        ),
        (
            probe("3", "incontext learning"),
            "Please briefly answer the following question.\nWho?\n",
            "Answer:",
        ),
        (
            probe("3", "role play"),
            "Please briefly answer the following question.\nQuestion: Who?\n",
            "Answer:",
        ),
    ],
)
def test_the_words_of_rwku(row, prompt, begun):
    made = rwku.asked_as(row, "published")
    assert (made.prompt, made.begun) == (prompt, begun)
    assert rwku.asked_as(row, "bare") == rwku.Asked("Who?")


@pytest.mark.parametrize("until", ["line", "limit"])
def test_answers_to_probes_are_those_of_transformers(
    until, asked, model, long, tokenizer, tmp_path
):
    rows = {"forget": asked["probes"][:14], "neighbor": asked["neighbors"][:2]}
    found = recorded("rwku", long, model, rows, until=until)
    forget = found.sets["forget"]
    assert forget.task == ["1"] * 6 + ["2"] * 6 + ["3"] * 2
    assert forget.form[-2:] == ["prefix injection", "affirmative suffix"]
    for row, said in zip(rows["forget"], forget.generation, strict=True):
        made = rwku.asked_as(row, "published")
        ids = (
            long.begun_ids(made.prompt, made.begun) if made.begun else long.prompt_ids(made.prompt)
        )
        text = tokenizer.decode(greedy(model, ids, rwku.TOKENS), skip_special_tokens=True)
        assert said == (text if until == "limit" else text.partition("\n")[0]).strip()
    write_records(tmp_path / "rwku.json", Records("rwku", [found]))
    assert read_records(tmp_path / "rwku.json").checkpoints[0].sets["forget"].form == forget.form


def test_the_first_line_may_be_empty():
    assert rwku.first_line("\nKing") == ""
    assert rwku.first_line("King\nand more") == "King"


def test_texts_are_plain_and_every_token_but_the_first_counts(asked, model, long, tokenizer):
    rows = {"forget": asked["mia_forget"], "retain": asked["mia_retain"]}
    found = recorded("rwku_texts", long, model, rows).sets["forget"]
    ids = tokenizer(rows["forget"][0]["answer"]).input_ids[:400]
    with torch.no_grad():
        logs = model(input_ids=torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    own = logs.gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)
    mean = (logs.exp() * logs).sum(-1)
    deviation = ((logs.exp() * logs.square()).sum(-1) - mean.square()).sqrt()
    assert list(found.token_logprob[0]) == pytest.approx(own.tolist(), rel=1e-4)
    assert list(found.token_zscore[0]) == pytest.approx(
        ((own - mean) / deviation).tolist(), rel=1e-3
    )
    assert found.text_loss[0] == pytest.approx(-own.mean().item(), rel=1e-5)
    short = {"question": "q", "answer": "a"}
    with pytest.raises(LetheError, match="set 'forget', row 1: the text is a single token"):
        recorded("rwku_texts", long, model, {"forget": [short], "retain": [short]})


def test_trivia_has_all_accepted_answers(asked, model, long):
    items = recorded("trivia", long, model, {"trivia": asked["trivia"]}).sets["trivia"]
    first = items.answer[0]
    assert items.option[0] == [first, f"the {first}"]
    assert len(items.generation) == 3
    assert trivia._asked("Who?", "bare") == rwku.Asked("Who?")
    with pytest.raises(LetheError, match="set 'trivia', row 1: no answers"):
        suite.check("trivia", {"trivia": [{"question": "q", "answer": "a"}]})


def test_long_answers(asked, model, long, tokenizer):
    rows = {"instructions": asked["instructions"][:1]}
    [said] = recorded("instructions", long, model, rows).sets["instructions"].generation
    ids = long.prompt_ids(rows["instructions"][0]["question"])
    text = tokenizer.decode(greedy(model, ids, 256), skip_special_tokens=True)
    assert said == text.strip()


def test_reasoning_begins_after_its_examples(asked, model, long, tokenizer):
    rows = {"reasoning": asked["reasoning"][:1]}
    [said] = recorded("reasoning", long, model, rows).sets["reasoning"].generation
    row = rows["reasoning"][0]
    prompt = (
        f"{row['examples']}\n\nFollowing previous examples, answer the following questions and end "
        f"with 'so the answer is'\nQ: {row['question']}"
    )
    text = tokenizer.decode(
        greedy(model, long.begun_ids(prompt, "A:"), 256), skip_special_tokens=True
    )
    assert said == text.strip()


def test_options_of_truthfulqa_have_no_end_token(asked, model, long):
    items = recorded("truthful", long, model, {"truthful": asked["truthful"]}).sets["truthful"]
    assert items.form == ["btfffg"] * 3
    question, option = items.question[0], items.option[0][1]
    start, whole = long.prompt_ids(question), long.encode(question, option).ids[:-1]
    with torch.no_grad():
        logs = model(input_ids=torch.tensor([whole])).logits[0, :-1].double().log_softmax(-1)
    own = logs.gather(-1, torch.tensor(whole[1:])[:, None]).squeeze(-1)[len(start) - 1 :]
    assert items.option_tokens[0][1] == len(own)
    assert items.option_loss[0][1] == pytest.approx(-own.mean().item(), rel=1e-5)
    row = {"question": "q", "answer": "a", "kinds": "tf", "option1": "a", "option2": "b"}
    with pytest.raises(LetheError, match="set 'truthful', row 1: kinds 'tf'; use rows of"):
        suite.check("truthful", {"truthful": [row]})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "q", "answer": "a"}, "row 1: no type"),
        (probe("4", "cloze"), "row 1: level '4'; use rows of the world rwku"),
        (probe("3", "cloze"), "row 1: type 'cloze' is none of RWKU's"),
    ],
)
def test_rows_of_another_form_are_refused(row, message):
    with pytest.raises(LetheError, match=message):
        suite.check("rwku", {"forget": [row]})
