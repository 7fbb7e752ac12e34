"""The suite of a sequence of requests: losses request by request, whatever follows."""

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model.likelihood import mean_losses


@pytest.fixture(scope="module")
def rows(pairs):
    """Three requests of 3, 2 and 2 questions."""
    numbers = [1, 1, 1, 2, 2, 3, 3]
    return [
        {"question": q, "answer": a, "request": n} for (q, a), n in zip(pairs, numbers, strict=True)
    ]


def asked(model, encoder, rows):
    return Evaluation("requests", encoder, {"asked": rows}, Limits(96))(model)


def test_each_answer_has_its_loss_and_its_request(model, encoder, rows, tmp_path):
    point = asked(model, encoder, rows)
    items = point.sets["asked"]
    examples = encoder.encode_all([(row["question"], row["answer"]) for row in rows])
    alone = [mean_losses(model, [example])[0] for example in examples]
    assert items.answer_loss == pytest.approx(alone, rel=1e-5)
    assert items.request.tolist() == [1, 1, 1, 2, 2, 3, 3]
    assert items.answer == [row["answer"] for row in rows]
    write_records(tmp_path / "requests.json", Records("requests", [point]))
    read = read_records(tmp_path / "requests.json").checkpoints[0].sets["asked"]
    assert read.request.tolist() == items.request.tolist()
    assert read.answer_tokens.tolist() == [example.answer_tokens for example in examples]


def test_further_requests_change_no_bit_of_earlier_ones(model, encoder, rows):
    whole = asked(model, encoder, rows).sets["asked"].answer_loss
    for count in (3, 5):
        fewer = asked(model, encoder, rows[:count]).sets["asked"].answer_loss
        assert np.array_equal(fewer, whole[:count])


def test_all_rows_are_asked(rows):
    assert suite.contract("requests").whole
    assert not suite.contract("tofu").whole


@pytest.mark.parametrize("number", [None, 0, "1", True])
def test_a_row_without_its_request_is_refused(rows, number):
    wrong = [rows[0], {**rows[1], "request": number}]
    with pytest.raises(LetheError, match="set 'asked', row 2: no request number"):
        suite.check("requests", {"asked": wrong})


def test_probabilities_are_means_by_request(model, encoder, rows):
    point = asked(model, encoder, rows)
    p = np.exp(-point.sets["asked"].answer_loss)
    (made,) = metrics.compute("requests", Records("requests", [point])).checkpoints
    means = [p[:3].mean(), p[3:5].mean(), p[5:].mean()]
    assert made.values == pytest.approx(
        {"request1": means[0], "request2": means[1], "request3": means[2], "asked": np.mean(means)}
    )
    assert made.items["asked"] == p.tolist()


def test_a_request_without_items_is_no_number(model, encoder, rows):
    point = asked(model, encoder, [row for row in rows if row["request"] != 2])
    with pytest.raises(LetheError, match="no items of request 2"):
        metrics.compute("requests", Records("requests", [point]))


def test_with_pictures_there_are_means_by_modality(model, encoder, rows, tmp_path):
    modalities = ["text", "text", "picture", "text", "both", "text", "text"]
    shown = [{**row, "modality": name} for row, name in zip(rows, modalities, strict=True)]
    point = asked(model, encoder, shown)
    write_records(tmp_path / "requests.json", Records("requests", [point]))
    records = read_records(tmp_path / "requests.json")
    assert records.checkpoints[0].sets["asked"].modality == modalities
    (made,) = metrics.compute("requests", records).checkpoints
    p = np.exp(-point.sets["asked"].answer_loss)
    by_modality = {name: value for name, value in made.values.items() if "_by_" in name}
    assert by_modality == pytest.approx(
        {
            "request1_by_text": p[:2].mean(),
            "request1_by_picture": p[2],
            "request2_by_text": p[3],
            "request2_by_both": p[4],
            "request3_by_text": p[5:].mean(),
        }
    )
