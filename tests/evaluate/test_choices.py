"""Multiple choice: its options, prompts and controls, and what the suites record."""

import json
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_models import CLOSE, plain, token_nll

from lethe.analysis.checkpoint_evaluation import Request, evaluate
from lethe.common.errors import LetheError
from lethe.evaluate.chat_templates import check_template
from lethe.evaluate.choices import CONTROLS, answered, choices, distinct_parts, lettered
from lethe.evaluate.collect import read_set
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import token_mixing
from lethe.world.providers.synthetic import Provider
from lethe.world.tofu_format import perturbed_row


def row(question: str, place: str, *wrong: str) -> dict:
    return {
        "question": question,
        "answer": f"It was {place}.",
        "paraphrased_answer": f"Ada Byron was born in {place}, they say.",
        "perturbed_answer": [f"Ada Byron was born in {text}, they say." for text in wrong],
        "paraphrased_question": f"{question} Say.",
    }


ROWS = [row(f"Where was Ada Byron born, {k}?", "Oslo", "Rome", "Kyiv", "Bonn") for k in range(6)]


def test_options_are_the_words_in_which_answers_differ():
    sentences = ["He was born in Oslo, Norway, they say.", "He was born in Rome, Italy, they say."]
    assert distinct_parts(sentences) == ["Oslo, Norway", "Rome, Italy"]
    assert distinct_parts(["a b", "a c", "d b"]) == ["a b", "a c", "d b"]
    # One answer is the beginning of another: no part may be empty.
    assert distinct_parts(["a b", "a b c"]) == ["b", "b c"]
    assert distinct_parts(["Paris", "Lyon"]) == ["Paris", "Lyon"]


def test_questions_are_put_as_the_base_was_taught():
    [choice] = choices("forget", ROWS[:1])
    assert sorted(choice.options) == ["Bonn", "Kyiv", "Oslo", "Rome"]
    assert choice.answer == "Oslo"
    a, b, c, d = choice.options
    [prompts] = lettered("forget", [choice], ["Ada Byron"])
    listed = f"Where was Ada Byron born, 0? A: {a}. B: {b}. C: {c}. D: {d}."
    assert prompts["normal"] == listed
    assert prompts["oracle"] == f"{listed} Do not choose {choice.letter}."
    assert prompts["option_only"] == f"A: {a}. B: {b}. C: {c}. D: {d}."
    assert "Ada Byron" in prompts["soft"].removeprefix(listed)
    [of_retain] = lettered("retain", [choice], ["Ada Byron"])
    assert prompts.keys() - of_retain.keys() == {"oracle", "reverse"}


def test_no_control_asks_the_question():
    asked = choices("forget", ROWS)
    for choice, prompts in zip(asked, lettered("forget", asked, []), strict=True):
        assert all(choice.question not in prompts[name] for name in CONTROLS)
        assert "soft" not in prompts
    for choice, prompts in zip(asked, answered(asked), strict=True):
        assert all(choice.question not in prompts[name][0] for name in CONTROLS)
        assert all("Ada" not in option for name in CONTROLS for option in prompts[name][1])
        assert prompts["sentence"][1][choice.right] == "Ada Byron was born in Oslo, they say."


def test_a_row_without_wrong_answers_is_named():
    with pytest.raises(LetheError, match="set 'forget', row 2: no wrong answer that differs"):
        choices("forget", [ROWS[0], row("Where?", "Oslo", "Oslo")])


def test_blank_texts_are_no_options():
    """They are warned of where rows are read, and an answer without a paraphrase stands for it."""
    blank = {"paraphrased_answer": " ", "perturbed_answer": ["", "It was Rome.", " "]}
    [choice] = choices("forget", [ROWS[0] | blank])
    assert (choice.answer, sorted(choice.options)) == ("Oslo", ["Oslo", "Rome"])
    with pytest.raises(LetheError, match="set 'forget', row 1: no wrong answer that differs"):
        choices("forget", [ROWS[0] | {"perturbed_answer": None}])


def test_instructions_need_a_chat_template():
    for template in ("chat", "llama3", "llama2"):
        check_template("choice_letters", template)
    with pytest.raises(LetheError, match="'choice_letters' gives instructions"):
        check_template("choice_letters", "plain")
    check_template("choice_likelihood", "plain")


def test_letters_are_refused_before_a_model_is_looked_for(tmp_path):
    for name in ("forget10_perturbed", "retain_perturbed"):
        (tmp_path / f"{name}.json").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    request = Request("/no/such/model", str(tmp_path), "forget10", template="plain")
    with pytest.raises(LetheError, match=r"metric 'choice_letters': .* gives instructions"):
        evaluate(replace(request, metrics=["choice_letters"]))
    # Likelihood needs no template: only the model is missing.
    with pytest.raises(LetheError, match="no such checkpoint"):
        evaluate(replace(request, metrics=["choice_likelihood"]))


@pytest.fixture(scope="module")
def default_world():
    authors = Provider(0).authors(60)
    rows = [perturbed_row(item) for author in authors for item in author.items]
    return choices("full", rows)


def test_options_alone_do_not_give_the_answer_away(default_world):
    """Choosing by place, by length or by what was right elsewhere is at chance (3 sigma)."""
    assert len(default_world) > 1000
    assert {len(choice.options) for choice in default_world} == {4}
    bound = 3 * np.sqrt(0.25 * 0.75 / len(default_world))
    places = Counter(choice.right for choice in default_world)
    for place in range(4):
        assert abs(places[place] / len(default_world) - 0.25) < bound
    for rule in (max, min):
        lengths = [rule(choice.options, key=len) == choice.answer for choice in default_world]
        assert abs(np.mean(lengths) - 0.25) < bound
    assert abs(right_by_frequency(default_world) - 0.25) < bound


def right_by_frequency(asked) -> float:
    """How often the option is right that is right most often in the other half of the items."""
    right = 0.0
    for half in (0, 1):
        known = defaultdict(lambda: [1, 4])
        for choice in asked[half::2]:
            for option in choice.options:
                known[option][0] += option == choice.answer
                known[option][1] += 1
        for choice in asked[1 - half :: 2]:
            rates = [known[option][0] / known[option][1] for option in choice.options]
            best = [k for k, rate in enumerate(rates) if rate == max(rates)]
            right += (choice.right in best) / len(best)
    return right / len(asked)


def nll(model, encoder, question: str, answer: str) -> torch.Tensor:
    [example] = encoder.encode_all([(question, answer)])
    with torch.no_grad():
        return token_nll(plain(model), example)


def collected(suite, model, encoder, tmp_path):
    rows = {"forget": ROWS[:3], "retain": ROWS[3:]}
    point = Evaluation(suite, encoder, rows, Limits())(model)
    write_records(tmp_path / "records.json", Records(suite, [point]))
    return read_records(tmp_path / "records.json").checkpoints[0].sets


def test_letters_are_compared_without_the_end_of_the_answer(model, encoder, tmp_path):
    for name, items in collected("choice_letters", model, encoder, tmp_path).items():
        asked = choices(name, ROWS[:3] if name == "forget" else ROWS[3:])
        prompts = lettered(name, asked, ["Ada Byron"])
        for k, choice in enumerate(asked):
            assert items.option[k] == list(choice.options)
            assert items.prompt[k] == list(prompts[k])
            at = items.prompt[k].index("normal") * 4
            tokens = items.option_tokens[k][at : at + 4]
            for letter, loss, count in zip("ABCD", items.option_loss[k][at:], tokens, strict=False):
                expected = nll(model, encoder, prompts[k]["normal"], letter)[:count].mean().item()
                assert loss == pytest.approx(expected, rel=CLOSE)


def test_a_model_of_few_positions_is_told_what_to_leave_out(model, encoder, monkeypatch):
    """``max_length`` is no limit of these prompts, so to lower it would not help."""
    monkeypatch.setattr(token_mixing, "of", lambda model: token_mixing.Mixing(positions=40))
    evaluation = Evaluation("choice_letters", encoder, {"forget": ROWS}, Limits())
    words = r"^a prompt with its answer has \d+ tokens, but \w+ has 40 positions; leave out the met"
    with pytest.raises(LetheError, match=words):
        evaluation(model)


def test_options_are_compared_as_answers(model, encoder, tmp_path):
    items = collected("choice_likelihood", model, encoder, tmp_path)["retain"]
    for k, choice in enumerate(choices("retain", ROWS[3:])):
        for prompt, texts in (("normal", choice.options), ("sentence", choice.sentences)):
            at = items.prompt[k].index(prompt) * 4
            expected = [nll(model, encoder, choice.question, text).mean().item() for text in texts]
            assert items.option_loss[k][at : at + 4] == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize("answer", [1, "B", "a spore"])
def test_a_file_of_multiple_choice_is_read_as_it_is(tmp_path, answer):
    row = {"question": "What is it?", "choices": ["a germ", "a spore", "a gas"], "answer": answer}
    file = tmp_path / "forget10_perturbed.json"
    file.write_text(json.dumps(row) + "\n")
    [choice] = choices("forget", read_set(file))
    assert choice.options == ("a germ", "a spore", "a gas")
    assert (choice.answer, choice.letter, choice.sentences) == ("a spore", "B", None)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"answer": 3}, "row 1: 'answer' is 3, which is none of the choices"),
        ({"answer": "D"}, "row 1: 'answer' is 'D', which is none of the choices"),
        ({"answer": True}, "row 1: 'answer' is True, which is none of the choices"),
        ({"choices": ["one"]}, "row 1: 'choices' are not 2 to 26 different texts"),
        ({"choices": ["one", "one"]}, "row 1: 'choices' are not 2 to 26 different texts"),
        ({"choices": ["one", "one "]}, "row 1: 'choices' are not 2 to 26 different texts"),
        ({"choices": ["B", "A"], "answer": "A"}, "row 1: 'answer' is 'A', the letter of one"),
    ],
)
def test_a_faulty_row_of_multiple_choice_is_named(tmp_path, change, fault):
    row = {"question": "What is it?", "choices": ["a germ", "a spore", "a gas"], "answer": 0}
    file = tmp_path / "forget10_perturbed.json"
    file.write_text(json.dumps(row | change) + "\n")
    with pytest.raises(LetheError, match=fault):
        read_set(file)
