"""The suite of languages against plain forward passes; what its rows must have."""

import pytest
import torch
from helpers.small_models import CLOSE, plain, token_nll

from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import architecture
from lethe.world.languages.by_rule import RULES, translated
from lethe.world.provider import provider


def stated(name: str, text: str) -> dict:
    return {
        "language": name,
        "role": "given" if name == "L0" else "learned",
        "question": f"{text}?",
        "answer": f"It is {text} {name}.",
        "paraphrased_answer": f"Well, {text}.",
        "perturbed_answer": [f"No {text}.", f"Never {text} nor {name}."],
    }


def fact(text: str) -> dict:
    every = [stated("L0", text), stated("L1", text[::-1])]
    return {"question": f"{text}?", "answer": f"It is {text}.", "languages": every}


ROWS = {
    "forget": [fact("born in Paris"), fact("a baker of bread")],
    "retain": [fact("seven novels"), fact("the river"), fact("winter")],
}


def test_losses_of_every_language_are_those_of_plain_passes(model, encoder, tmp_path):
    made = Evaluation("languages", encoder, ROWS, Limits())(model)
    path = tmp_path / "languages.json"
    write_records(path, Records("languages", [made]))
    for name, items in read_records(path).checkpoints[0].sets.items():
        for place, row in enumerate(ROWS[name]):
            assert items.language[place] == ["L0", "L1"]
            assert items.language_role[place] == ["given", "learned"]
            wrong = items.language_wrong_loss[place].reshape(2, 2)
            for k, one in enumerate(row["languages"]):
                right = [one["answer"], one["paraphrased_answer"], *one["perturbed_answer"]]
                examples = encoder.encode_all([(one["question"], text) for text in right])
                with torch.no_grad():
                    losses = [token_nll(plain(model), e).mean().item() for e in examples]
                found = [
                    items.language_loss[place][k],
                    items.language_paraphrase_loss[place][k],
                    *wrong[k],
                ]
                assert found == pytest.approx(losses, rel=CLOSE)
                assert items.language_tokens[place][k] == examples[0].answer_tokens


def broken(**changes) -> dict:
    row = fact("x")
    row["languages"][1] |= changes
    return {"forget": [fact("y"), row]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"forget": [{"question": "q", "answer": "a"}]}, "row 1: no languages; make it by a split"),
        ({"forget": [fact("y") | {"languages": [stated("L0", "y")]}]}, "in one language; give"),
        (broken(answer=""), "row 2, language 'L1': no answer"),
        (broken(paraphrased_answer=None), "row 2, language 'L1': no paraphrased_answer"),
        (broken(role="spoken"), "row 2, language 'L1': no role; it is one of given"),
        (
            broken(perturbed_answer=["one"]),
            "row 2: languages have different numbers of wrong answers",
        ),
    ],
)
def test_rows_that_cannot_be_asked_are_refused(rows, message):
    with pytest.raises(LetheError, match="set 'forget', ") as caught:
        suites.check("languages", rows)
    assert message in str(caught.value)


def test_a_tokenizer_of_the_background_covers_all_languages():
    world = provider("synthetic", seed=0)
    rows = world.background(3, 2)
    texts = [f"{row['question']} {row['answer']}" for row in rows]
    made = architecture.load({}).train_tokenizer(iter(texts), 1024)
    for author in world.authors(3):
        for text in (author.items[0].question, author.items[6].answer):
            for language in RULES:
                other = translated(text, language)
                assert made.decode(made(other, add_special_tokens=False).input_ids) == other
