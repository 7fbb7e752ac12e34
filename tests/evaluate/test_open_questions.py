"""Questions beside those that methods are given: losses of true answers, and the model's own."""

import math

import numpy as np
import pytest
import torch

from lethe import metrics
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Checkpoint, ItemSet, Records, read_records, write_records
from lethe.evaluate.suite import Limits

ROWS = {
    "forget": [{"question": "Where is Ada?", "answer": "In Oslo."}],
    "retain": [
        {"question": "Who is Boris?", "answer": "A friend of hers."},
        {"question": "Where is Boris?", "answer": "In Rome, as she was."},
    ],
}


def test_the_losses_of_true_answers_are_those_of_their_tokens(model, encoder, tmp_path):
    limits = Limits(max_length=encoder.max_length, max_new_tokens=4)
    recorded = Evaluation("open_questions", encoder, ROWS, limits)(model)
    write_records(tmp_path / "asked.json", Records("open_questions", [recorded]))
    again = read_records(tmp_path / "asked.json").checkpoints[0].sets
    for name, rows in ROWS.items():
        assert again[name].question == [row["question"] for row in rows]
        assert len(again[name].generation) == len(rows)
        for key, row in enumerate(rows):
            [example] = encoder.encode_all([(row["question"], row["answer"])])
            ids, tokens = list(example.ids), example.answer_tokens
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
            each = logits.log_softmax(-1).gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)
            assert again[name].answer_tokens[key] == tokens
            assert again[name].answer_loss[key] == pytest.approx(
                -each[-tokens:].mean().item(), rel=1e-4
            )


def items(rows):
    answers, said, losses = zip(*rows, strict=True)
    return ItemSet(
        [f"q{n}" for n in range(len(rows))],
        list(answers),
        generation=list(said),
        answer_loss=np.array(losses),
        answer_tokens=np.ones(len(rows), dtype=int),
    )


def test_the_metric_by_hand():
    # Recall: 4 of 5 words; stems of both words; none. Probability: exp of minus the loss.
    forget = items([("she was born in Oslo", "she was born in Rome", math.log(2))])
    retain = items([("running far", "he runs far", 0.0), ("Oslo", "", math.log(4))])
    records = Records("open_questions", [Checkpoint(1, 4, {"forget": forget, "retain": retain})])
    [checkpoint] = metrics.compute("open_questions", records).checkpoints
    assert checkpoint.items["retain_rouge"] == [1.0, 0.0]
    assert checkpoint.items["retain_probability"] == pytest.approx([1.0, 0.25])
    assert checkpoint.values == pytest.approx(
        {
            "forget_rouge": 0.8,
            "forget_probability": 0.5,
            "retain_rouge": 0.5,
            "retain_probability": 0.625,
        }
    )
