"""LUME's suites on a small model: answers, losses of plain documents, letters of MMLU."""

import pytest
import torch
from helpers import made_lume

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import documents, mmlu
from lethe.model.encoder import Encoder
from lethe.world import tofu_format
from lethe.world.provider import provider


@pytest.fixture
def sets(tmp_path):
    """The rows of either part, three documents each, and MMLU's."""
    made_lume.write_rows(tmp_path / "mmlu.jsonl", made_lume.choices(3))
    source = provider("lume", path=made_lume.write(tmp_path), seed=0)
    rows = [tofu_format.qa_row(item) for author in source.authors(6) for item in author.items]
    by_part = {p: [row for row in rows if row["part"] == p] for p in ("forget", "retain")}
    [questions] = source.holdout(0)
    return by_part | {"mmlu": [tofu_format.qa_row(item) for item in questions.items]}


@pytest.fixture
def long(tokenizer):
    return Encoder(tokenizer, "chat", 400)


def asked(name, encoder, model, rows, **options):
    suite.check(name, rows)
    limits = Limits(max_length=encoder.max_length, max_new_tokens=4)
    return Evaluation(name, encoder, rows, limits, **options)(model)


def plain_loss(model, ids):
    """What transformers says of a text, position by position, in double precision."""
    logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    return -logits.gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)


def test_answers_have_task_and_form(sets, model, long, tmp_path):
    rows = {name: sets[name] for name in ("forget", "retain")}
    recorded = asked("lume", long, model, rows)
    forget = recorded.sets["forget"]
    assert forget.task == ["Task1"] * 2 + ["Task2"] * 6 + ["Task3"] * 2
    assert forget.form == ["completion", "question"] + ["completion"] + ["question"] * 5 + [
        "completion",
        "question",
    ]
    assert len(forget.generation) == 10
    write_records(tmp_path / "lume.json", Records("lume", [recorded]))
    assert read_records(tmp_path / "lume.json").checkpoints[0].sets["forget"].task == forget.task


def test_documents_are_plain_texts(sets, model, long, tokenizer):
    """Their losses are those of transformers on the same text, without a template."""
    recorded = asked(
        "documents", long, model, {"member": sets["forget"], "nonmember": sets["retain"]}
    )
    member = recorded.sets["member"]
    assert len(member.question) == len(recorded.sets["nonmember"].question) == 3
    text = "Anna of Task1 went to Oslo and stayed."
    assert documents.text(sets["forget"][0]) == text
    ids = tokenizer(text).input_ids
    with torch.no_grad():
        expected = plain_loss(model, ids).mean().item()
    assert member.text_loss[0] == pytest.approx(expected, rel=1e-5)


def test_two_processes_ask_the_same_documents(sets, model, long):
    """Completions are chosen before the rows are dealt out."""
    rows = {"member": sets["forget"], "nonmember": sets["retain"]}
    whole = asked("documents", long, model, rows).sets["member"]

    class Second:
        size, rank = 2, 1

        def gathered(self, mine):
            first = {name: some[::2] for name, some in documents.together(rows).items()}
            return [documents.record(model, documents.prepare(long, first), Limits()), mine]

    assert asked("documents", long, model, rows, process_group=Second()).sets[
        "member"
    ].question == (whole.question)


def test_letters_of_mmlu(sets, model, long, tokenizer):
    row = sets["mmlu"][0]
    text = mmlu.prompt(row)
    assert text == (
        "The following are multiple choice questions (with answers) about small sums.\n\n"
        "What is 0 and one?\nA. 0\nB. 1\nC. 2\nD. 3\nAnswer:"
    )
    items = asked("mmlu", long, model, {"mmlu": sets["mmlu"]}).sets["mmlu"]
    assert items.label == ["B"] * 3
    every = [tokenizer(f"{text} {letter}").input_ids for letter in "ABCD"]
    start = min(k for k in range(len(every[0])) if len({tuple(ids[: k + 1]) for ids in every}) > 1)
    with torch.no_grad():
        expected = [plain_loss(model, ids)[start - 1 :].mean().item() for ids in every]
    assert list(items.option_loss[0]) == pytest.approx(expected, rel=1e-5)
    assert list(items.option_tokens[0]) == [len(ids) - start for ids in every]


def test_rows_of_another_form_are_refused(sets, long):
    with pytest.raises(LetheError, match="set 'forget', row 1: no 'task'"):
        suite.check("lume", {"forget": [{"question": "q", "answer": "a"}]})
    with pytest.raises(LetheError, match=r"set 'mmlu', row 1: no subject; every row"):
        suite.check("mmlu", {"mmlu": [{"question": "q", "answer": "a"}]})
    with pytest.raises(LetheError, match=r"set 'member': no document; raise evaluation\.items"):
        documents.together({"member": sets["forget"][1:2]})
    with pytest.raises(LetheError, match="have no 'task', which LUME's metrics go by"):
        suite.check_fields("lume", {}, ("question", "answer", "perturbed_answer"))
