"""Which unanswered questions a probe answers, by hand."""

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records

KINDS = ["plain", "paraphrase", "clue_chain", "negation"]
# What is answered to each kind; the value of each answer is its city.
CITIES = ["Ghent", "Kyiv", "Oslo", "Bonn"]


def made(said, path="run.json", kinds=KINDS) -> Records:
    items = ItemSet(
        question=[f"Where was {name} born?" for name in "ABCD"],
        answer=CITIES,
        prompt=[kinds] * 4,
        prompt_text=[[f"Where was {name} born? {kind}" for kind in kinds] for name in "ABCD"],
        prompt_answer=[[city] * len(kinds) for city in CITIES],
        prompt_generation=said,
    )
    return Records("variants", [Checkpoint(0, 0, {"forget": items, "retain": items})], path)


RUN = [
    ["Ghent", "x", "x", "x"],
    ["x", "Kyiv", "x", "x"],
    ["x", "x", "x", "Oslo"],
    ["x", "y", "z", "x"],
]
ORACLE = [["x", *"xxx"], ["x", "Kyiv", "x", "x"], ["x", *"xxx"], ["Bonn", *"xxx"]]


def one(run, oracle=None, **settings):
    file = metrics.compute("knowledge_recoverability", run, oracle_records=oracle, **settings)
    return file.checkpoints[0]


def test_a_record_by_hand():
    scored = one(made(RUN), made(ORACLE, "oracle.json"))
    # The first is answered anyway; of the other three two are recovered. The oracle: 1 of 3.
    assert scored.values == {
        "recovered": pytest.approx(2 / 3),
        "unanswered": 3,
        "oracle": pytest.approx(1 / 3),
        "oracle_unanswered": 3,
    }
    assert scored.items == {"recovered": [1, 1, 0]}
    assert scored.questions["recovered"][0] == "Where was B born?"
    assert one(made(RUN), probes="paraphrase").values["recovered"] == pytest.approx(1 / 3)


def test_where_everything_is_answered_nothing_is_recovered():
    scored = one(made([[city] * 4 for city in CITIES]))
    assert scored.values == {"recovered": 0, "unanswered": 0}
    assert scored.items == {}


def test_a_probe_that_was_not_put_is_one_line():
    bare = made([["x"], ["x"], ["x"], ["x"]], kinds=KINDS[:1])
    with pytest.raises(LetheError, match=r"run.json: no question was put as paraphrase; add it to"):
        one(bare)
    with pytest.raises(LetheError, match=r"probes: unknown 'paraphras'; did you mean paraphrase"):
        one(made(RUN), probes="paraphras")
