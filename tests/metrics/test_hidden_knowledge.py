"""Knowledge that comes back with other facts, by hand."""

import pytest
from helpers.made_records import make_document

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.world.row_digest import row_digest

# Of five rows, the first two are trained on.
TAUGHT = 2


def recorded(records, right, taught=TAUGHT, said=None):
    """Records in which the paraphrased answer of item i is the likeliest where right[i] is 1."""
    document = make_document(n=len(right))
    (point,) = document["checkpoints"]
    columns = point["sets"]["forget"]
    columns["paraphrase_loss"] = [0.1 if one else 9.0 for one in right]
    columns["perturbed_loss"] = [[1.0, 2.0, 0.5, 3.0, 4.0]] * len(right)
    if said:
        columns["generation"] = said
    rows = list(zip(columns["question"], columns["answer"], strict=True))[:taught]
    if rows:
        point["taught"] = [row_digest(*row) for row in rows]
    return records(document)


def computed(after, before, oracle=None, oracle_before=None, **settings):
    file = metrics.compute(
        "hidden_knowledge",
        after,
        oracle_records=oracle,
        before=before,
        oracle_before=oracle_before,
        **settings,
    )
    return file.checkpoints[0]


def test_shares_of_the_rows_that_were_held_out(records):
    after, before = recorded(records, [1, 0, 1, 1, 0]), recorded(records, [1, 1, 0, 1, 0], 0)
    oracle, theirs = recorded(records, [1, 1, 0, 0, 1]), recorded(records, [0, 0, 0, 1, 1], 0)
    point = computed(after, before, oracle, theirs)
    assert point.items == {
        "recovered": [1, 1, 0],
        "before": [0, 1, 0],
        "taught": [1, 0],
        "oracle": [0, 0, 1],
        "hidden": [1, 1, -1],
        "oracle_before": [0, 1, 1],
    }
    assert point.values == pytest.approx(
        {
            "recovered": 2 / 3,
            "before": 1 / 3,
            "taught": 1 / 2,
            "oracle": 1 / 3,
            "hidden": 1 / 3,
            "oracle_before": 2 / 3,
            "held_out": 3,
        }
    )
    assert point.questions == {"recovered": [f"forget question {n}?" for n in (2, 3, 4)]}


def test_a_tie_with_a_wrong_answer_is_not_right(records):
    after = recorded(records, [1, 1, 1])
    after.checkpoints[0].sets["forget"].paraphrase_loss[2] = 0.5
    point = computed(after, recorded(records, [1, 1, 1], 0))
    assert point.items["recovered"] == [0]
    assert "hidden" not in point.values


def test_words_of_the_answer_count_instead(records):
    answers = make_document(n=4)["checkpoints"][0]["sets"]["forget"]["answer"]
    words = answers[3].split()
    said = ["", "", "nothing of it", " ".join(words)]
    after = recorded(records, [0] * 4, said=said)
    point = computed(after, recorded(records, [0] * 4, 0, said=said[::-1]), by="words")
    assert point.items["recovered"] == [0, 1]
    assert point.items["before"] == [0, 0]


def test_what_cannot_be_compared_is_refused(records):
    after, before = recorded(records, [1] * 5), recorded(records, [1] * 5, 0)
    with pytest.raises(LetheError, match="none trained on; evaluate a checkpoint after the attack"):
        computed(before, before)
    with pytest.raises(LetheError, match="needs records before the attack"):
        computed(after, None)
    with pytest.raises(LetheError, match="trained on another part"):
        computed(after, before, recorded(records, [1] * 5, 3))
    with pytest.raises(LetheError, match="its forget questions are not those of"):
        computed(after, recorded(records, [1] * 4, 0))
