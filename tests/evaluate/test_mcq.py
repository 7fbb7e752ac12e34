"""A user's questions of multiple choice on a small model: letters, and options as answers."""

import pytest
import torch
from helpers import made_mcq

from lethe.common.errors import LetheError
from lethe.evaluate import plain_letters, suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder
from lethe.world import tofu_format
from lethe.world.provider import provider


@pytest.fixture
def rows(tmp_path):
    source = provider("mcq", path=made_mcq.write(tmp_path, 1, 1), seed=0)
    by_part = {
        author.name: [tofu_format.qa_row(item) for item in author.items]
        for author in source.holdout(0)
    }
    return {"forget": by_part["forget_questions"], "retain": by_part["retain_questions"][:2]}


@pytest.fixture
def long(tokenizer):
    return Encoder(tokenizer, "chat", 400)


def losses(model, ids, start):
    with torch.no_grad():
        logs = model(input_ids=torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    own = -logs.gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)
    return own[start - 1 :].mean().item()


def test_letters_and_options(rows, model, long, tokenizer):
    suite.check("mcq", rows)
    found = Evaluation("mcq", long, rows, Limits(max_length=400))(model)
    items = found.sets["forget"]
    assert items.prompt[0] == ["letters", "likelihood"]
    assert items.task[0] == "birthplace"
    options = items.option[0]
    text = plain_letters.prompt(items.question[0], options, "birthplace")
    every = [tokenizer(f"{text} {letter}").input_ids for letter in "ABCD"]
    start = min(k for k in range(len(every[0])) if len({tuple(ids[: k + 1]) for ids in every}) > 1)
    asked = len(long.prompt_ids(items.question[0]))
    expected = [losses(model, ids, start) for ids in every]
    expected += [losses(model, long.encode(items.question[0], o).ids, asked) for o in options]
    assert list(items.option_loss[0]) == pytest.approx(expected, rel=1e-5)
    assert list(items.option_tokens[0][:4]) == [len(ids) - start for ids in every]


def test_a_question_without_a_subject_and_of_two_options(rows, model, long):
    row = {"question": "Is it?", "answer": "no", "option1": "yes", "option2": "no", "label": "B"}
    assert plain_letters.prompt("Is it?", ["yes", "no"]) == (
        "The following are multiple choice questions (with answers).\n\n"
        "Is it?\nA. yes\nB. no\nAnswer:"
    )
    found = Evaluation("mcq", long, {"forget": [row]}, Limits(max_length=400))(model)
    assert list(found.sets) == ["forget"]
    assert found.sets["forget"].task == ["all"]
    assert len(found.sets["forget"].option_loss[0]) == 4


@pytest.mark.parametrize(
    "more", [{}, {"option1": "a", "label": "A"}, {"option1": "b", "option2": "a", "label": "A"}]
)
def test_rows_of_another_form_are_refused(more):
    with pytest.raises(LetheError, match="set 'forget', row 1: no options option1, option2 and"):
        suite.check("mcq", {"forget": [{"question": "q", "answer": "a", **more}]})
