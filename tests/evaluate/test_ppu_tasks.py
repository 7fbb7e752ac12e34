"""PPU-Bench's evaluation rows on a small model that sees: what is asked in which words."""

import pytest
import torch
from helpers import seeing_models

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import ppu_tasks
from lethe.model.encoder import Encoder

LETTERED = {
    "question": "Where was she born?",
    "answer": "B",
    "task": "classification",
    "modality": "qa",
    **{f"option{number}": text for number, text in enumerate("wxyz", start=1)},
}
BLANK = {"question": "She was born in ___.", "answer": "Lund", "task": "cloze", "modality": "qa"}


def test_options_are_listed_and_the_form_is_said():
    listed = "Where was she born?\nA. w\nB. x\nC. y\nD. z"
    assert ppu_tasks.question(LETTERED, "bare") == listed
    instructed = ppu_tasks.question(LETTERED, "instructed")
    assert instructed.startswith(f"{listed}\n")
    assert "letter" in instructed.removeprefix(listed)
    assert ppu_tasks.question(BLANK, "bare") == BLANK["question"]
    assert "blank" in ppu_tasks.question(BLANK, "instructed")


@pytest.mark.parametrize(
    "row",
    [
        BLANK | {"task": "guess"},
        BLANK | {"modality": None},
        LETTERED | {"option4": None},
        LETTERED | {"answer": "x"},
    ],
)
def test_other_rows_are_refused(row):
    with pytest.raises(LetheError, match="set 'retain', row 2: not an evaluation row of PPU-Bench"):
        suite.check("ppu_tasks", {"forget": [BLANK], "retain": [BLANK, row]}, {})


@torch.no_grad()
def test_answers_are_what_the_model_writes_about_each_picture():
    model, tokenizer = seeing_models.make()
    encoder = Encoder(tokenizer, "chat", 60)
    shown = [
        BLANK | {"question": seeing_models.shown(number, "Who is this?"), "modality": "vqa"}
        for number in range(2)
    ]
    rows = {"forget": [*shown, LETTERED], "retain": [BLANK], "picture3": shown[1:]}
    asking = Evaluation("ppu_tasks", encoder, rows, Limits(60), settings={"wording": "bare"})
    sets = asking(model).sets
    assert list(sets) == ["forget", "retain", "picture3"]
    assert sets["forget"].task == ["cloze", "cloze", "classification"]
    assert sets["forget"].modality == ["vqa", "vqa", "qa"]
    assert sets["forget"].generation[1] == sets["picture3"].generation[0]
    # The first tokens of an answer about a picture, by plain transformers.
    ids = encoder.prompt_ids(shown[0]["question"])
    own = []
    for _ in range(3):
        logits = seeing_models.plain_logits(model, ids + own, seeing_models.picture(0))
        own.append(int(logits[-1].argmax()))
    begun = tokenizer.decode(own, skip_special_tokens=True).strip()
    assert sets["forget"].generation[0].startswith(begun)
