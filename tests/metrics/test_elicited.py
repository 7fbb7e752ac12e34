"""What a searched text brings out of rows on which it was not searched, by hand."""

import math

import pytest
from helpers.made_records import make_document

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.world.row_digest import row_digest

# Of five rows, the text is searched on the first two.
SEARCHED = 2


def recorded(records, said, losses, searched=SEARCHED):
    """Records whose generation is the true answer where ``said`` is 1, and else empty."""
    document = make_document(n=len(said))
    (point,) = document["checkpoints"]
    columns = point["sets"]["forget"]
    pairs = zip(columns["answer"], said, strict=True)
    columns["generation"] = [answer if one else "" for answer, one in pairs]
    columns["answer_loss"] = losses
    rows = list(zip(columns["question"], columns["answer"], strict=True))[:searched]
    if rows:
        point["taught"] = [row_digest(*row) for row in rows]
    return records(document)


LN2, LN4 = math.log(2), math.log(4)


def test_shares_and_probabilities_of_the_rows_that_were_held_out(records):
    after = recorded(records, [1, 0, 1, 1, 0], [0, 0, LN2, 0, LN2])
    before = recorded(records, [1, 1, 0, 1, 0], [0, 0, LN4, LN2, LN4], 0)
    oracle = recorded(records, [1, 1, 0, 0, 1], [0, 0, LN4, LN4, 0])
    theirs = recorded(records, [0, 0, 0, 0, 1], [1.0] * 5, 0)
    given = {"oracle_records": oracle, "before": before, "oracle_before": theirs}
    (point,) = metrics.compute("elicited", after, **given).checkpoints
    assert point.values == pytest.approx(
        {
            "elicited": 2 / 3,
            "before": 1 / 3,
            "searched": 1 / 2,
            "blocked": 1 / 3,
            "probability": (0.5 + 1 + 0.5) / 3,
            "probability_before": (0.25 + 0.5 + 0.25) / 3,
            "oracle": 1 / 3,
            "beyond": 1 / 3,
            "oracle_probability": (0.25 + 0.25 + 1) / 3,
            "oracle_before": 1 / 3,
            "held_out": 3,
        }
    )
    assert point.items["beyond"] == [1, 1, -1]
    assert point.questions == {"elicited": [f"forget question {n}?" for n in (2, 3, 4)]}


def test_without_an_oracle_nothing_is_compared(records):
    after, before = (recorded(records, [1] * 4, [0.0] * 4, n) for n in (1, 0))
    (point,) = metrics.compute("elicited", after, before=before).checkpoints
    assert point.values["blocked"] == 0
    assert "beyond" not in point.values


def test_what_cannot_be_compared_is_refused(records):
    after = recorded(records, [1] * 5, [0.0] * 5)
    before = recorded(records, [1] * 5, [0.0] * 5, 0)
    with pytest.raises(LetheError, match="evaluate a checkpoint after the attack pez"):
        metrics.compute("elicited", before, before=before)
    with pytest.raises(LetheError, match="metric 'elicited': needs records before the attack"):
        metrics.compute("elicited", after)
    other = recorded(records, [1] * 5, [0.0] * 5, 3)
    with pytest.raises(LetheError, match="trained on another part"):
        metrics.compute("elicited", after, before=before, oracle_records=other)
