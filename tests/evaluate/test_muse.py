"""MUSE's suites on a small model, held against transformers: plain texts, greedy, all tokens."""

import numpy as np
import pytest
import torch

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import knowmem
from lethe.model.encoder import Encoder

EXAMPLES = "Question: Who wrote it?\nAnswer: Ada\n\n"
VERBATIM = {
    "forget": [
        {"question": "Ada was born in", "answer": "Oslo and wrote her first book there. " * 9},
        {"question": "Boris lives", "answer": "in Rome."},
    ]
}
QUESTIONS = {
    name: [{"question": f"Where is {who}?", "answer": "Oslo", "examples": EXAMPLES}]
    for name, who in (("forget", "Ada"), ("retain", "Boris"))
}
TEXTS = {
    "forget": [{"question": "privleak/forget 1", "answer": "x", "text": "Ada\x0cwrote\n\nit."}],
    "holdout": [
        {"question": f"privleak/holdout {n}", "answer": "y", "text": "No " * n} for n in (4, 9)
    ],
}


@pytest.fixture
def long(tokenizer):
    # The template of the trainings is another: nothing is asked in it.
    return Encoder(tokenizer, "chat", 600)


def asked(name, encoder, model, rows, settings=None):
    suite.check(name, rows, settings)
    limits = Limits(max_length=encoder.max_length, max_new_tokens=4)
    return Evaluation(name, encoder, rows, limits, settings=settings)(model)


def goes_on(model, tokenizer, prompt, tokens):
    """What transformers writes after a plain text."""
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    return tokenizer.batch_decode(
        out[:, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )[0]


def test_texts_go_on_as_transformers_writes_them(model, long, tokenizer, tmp_path):
    recorded = asked("verbmem", long, model, VERBATIM, {"tokens": 20})
    items = recorded.sets["forget"]
    expected = [goes_on(model, tokenizer, r["question"], 20) for r in VERBATIM["forget"]]
    assert items.generation == expected
    cut = tokenizer(VERBATIM["forget"][0]["answer"]).input_ids[:20]
    assert items.answer == [tokenizer.decode(cut, skip_special_tokens=True), "in Rome."]
    write_records(tmp_path / "verbmem.json", Records("verbmem", [recorded]))
    again = read_records(tmp_path / "verbmem.json").checkpoints[0].sets["forget"]
    assert again.generation == expected


def test_as_many_tokens_as_muse_by_default():
    assert suite.settings_of("verbmem", {}) == {"tokens": 128}
    assert suite.settings_of("knowmem", {}) == {"tokens": 32}


def test_answers_come_after_the_examples(model, long, tokenizer):
    recorded = asked("knowmem", long, model, QUESTIONS)
    prompt = f"{EXAMPLES}Question: Where is Boris?\nAnswer: "
    assert knowmem.prompt(QUESTIONS["retain"][0]) == prompt
    assert recorded.sets["retain"].generation == [
        knowmem.cut(goes_on(model, tokenizer, prompt, 32))
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Oslo\n\nQuestion: x", "Oslo"),
        ("Oslo\nQuestion", "Oslo"),
        ("Oslo Question: x", "Oslo "),
        ("Oslo\nand Rome", "Oslo\nand Rome"),
        ("\n\nOslo", ""),
    ],
)
def test_an_answer_ends_where_an_example_would_begin(text, answer):
    assert knowmem.cut(text) == answer


def test_whole_texts_token_by_token(model, long, tokenizer):
    recorded = asked("whole_texts", long, model, TEXTS)
    for name, rows in TEXTS.items():
        for row, values in zip(rows, recorded.sets[name].token_logprob, strict=True):
            ids = tokenizer(row["text"]).input_ids
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
            each = logits.log_softmax(-1).gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)
            assert np.asarray(values) == pytest.approx(each.numpy(), rel=1e-4, abs=1e-5)


def test_what_does_not_fit_is_refused(model, tokenizer):
    short = Encoder(tokenizer, "chat", 30)
    with pytest.raises(LetheError, match=r"evaluation\.max_length: 30 are too few for the \d+ tok"):
        asked("verbmem", short, model, VERBATIM, {"tokens": 28})
    with pytest.raises(LetheError, match=r"evaluation\.max_length: 30 are too few .* raise it to"):
        asked("knowmem", short, model, QUESTIONS)
    shorter = Encoder(tokenizer, "chat", 8)
    with pytest.raises(LetheError, match=r"too few for the .* all of which count; raise it to"):
        asked("whole_texts", shorter, model, TEXTS)


def test_rows_of_another_form_are_refused():
    row = {"question": "q", "answer": "a"}
    with pytest.raises(LetheError, match="set 'forget', row 1: no examples; every row"):
        suite.check("knowmem", {"forget": [row], "retain": [row]})
    with pytest.raises(LetheError, match="set 'holdout', row 1: no text; every row"):
        suite.check("whole_texts", {"holdout": [row]})
