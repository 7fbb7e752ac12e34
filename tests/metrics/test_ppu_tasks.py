"""PPU-Bench's numbers, by hand."""

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records


def items(*rows):
    """Items from right answer, answer given, task and modality."""
    answers, said, tasks, modalities = map(list, zip(*rows, strict=True))
    questions = [f"q{number}" for number in range(len(rows))]
    return ItemSet(questions, answers, generation=said, task=tasks, modality=modalities)


def computed(**sets):
    records = Records("ppu_tasks", [Checkpoint(0, 0, sets)], "ppu_tasks.json")
    [checkpoint] = metrics.compute("ppu_tasks", records).checkpoints
    return checkpoint


KEPT = items(("Lund", "Lund", "cloze", "qa"))


def test_words_are_compared_in_order_without_marks():
    rows = [
        # The longest common subsequence is "was born in lund": 4 of 5 words, and 4 of 4.
        ("Ada was born in Lund.", "Was born in LUND", "generation", "vqa"),
        # "in lund" or "born lund": 2 of 3, and 2 of 3.
        ("born in Lund", "in born Lund", "generation", "vqa"),
    ]
    found = computed(forget=items(*rows), retain=KEPT)
    assert found.items["forget_generation_vqa_recall"] == [4 / 5, 2 / 3]
    assert found.items["forget_generation_vqa_f1"] == pytest.approx([8 / 9, 2 / 3])
    assert found.values["forget_generation_vqa_recall"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_words_are_not_stemmed():
    found = computed(forget=items(("he writes", "he write", "generation", "qa")), retain=KEPT)
    assert found.values["forget_generation_qa_recall"] == 1 / 2


def test_a_blank_is_filled_to_the_letter_or_in_the_same_words():
    rows = [
        ("Lund, Sweden", "Lund, Sweden", "cloze", "qa"),
        ("Lund, Sweden", "lund sweden.", "cloze", "qa"),
        ("Lund, Sweden", "", "cloze", "qa"),
    ]
    found = computed(forget=items(*rows), retain=KEPT)
    assert found.items["forget_cloze_qa_exact"] == [1, 0, 0]
    assert found.items["forget_cloze_qa_exact_words"] == [1, 1, 0]
    assert found.items["forget_cloze_qa_recall"] == [1, 1, 0]
    assert found.values["retain_cloze_qa_exact"] == 1


@pytest.mark.parametrize(
    ("said", "right", "invalid"),
    [
        ("B", 1, 0),
        ("b.", 1, 0),
        ("(B) Lund", 1, 0),
        ("The answer is B, surely B", 1, 0),
        ("C", 0, 0),
        ("B or C", 0, 1),
        ("Berlin", 0, 1),
        ("E", 0, 1),
        ("", 0, 1),
        # As published, the article counts.
        ("a town", 0, 0),
    ],
)
def test_one_letter_alone_is_an_answer(said, right, invalid):
    found = computed(forget=items(("B", said, "classification", "qa")), retain=KEPT)
    assert found.values["forget_classification_qa_accuracy"] == right
    assert found.values["forget_classification_qa_invalid"] == invalid


def test_other_pictures_each_and_together():
    right, wrong = (
        ("Lund", "Lund", "cloze", "vqa"),
        ("Lund", "Rome", "cloze", "vqa"),
    )
    found = computed(
        forget=items(right), retain=KEPT, picture2=items(right, wrong), picture4=items(wrong)
    )
    assert found.values["forget_cloze_vqa_exact"] == 1
    assert found.values["picture2_cloze_vqa_exact"] == 1 / 2
    assert found.values["picture4_cloze_vqa_exact"] == 0
    assert found.values["cross_cloze_vqa_exact"] == pytest.approx(1 / 3)
    assert not any(name.startswith("picture3") for name in found.values)


def test_rows_of_another_benchmark_are_refused():
    with pytest.raises(LetheError, match=r"set 'forget' has a row of Task1 qa, which PPU-Bench"):
        computed(forget=items(("a", "b", "Task1", "qa")), retain=KEPT)
