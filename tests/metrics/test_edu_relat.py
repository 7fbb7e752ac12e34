"""EDU-RELAT's recall and accuracies by hand, on records as its suite makes them."""

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, read_records, write_records
from lethe.metrics.edu_relat import measures

# Two minimal sets of the target 0 among eight relationships.
SETS = ({0, 1, 2, 3}, {0, 4})
BIOGRAPHIES = (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("gone", "recall", "relationships", "accuracy"),
    [
        # Nothing of either set: the first counts, with four facts outside it.
        ((), 0, 1, (4 + 3) / 8),
        # 1/4 of the first, 1/2 of the second, which has six facts outside.
        ((0,), 1 / 2, 1, (6 + 3) / 10),
        ((0, 1, 2), 3 / 4, 1, (4 + 3) / 8),
        # All of the second; of the six outside it two are gone.
        ((0, 4, 1, 7), 1, 4 / 6, (4 + 3) / 10),
        # Equal recalls: the first counts, though the second would leave more of the others.
        ((0, 1, 7), 1 / 2, 3 / 4, (3 + 3) / 8),
        ((0, 1, 2, 3, 4), 1, 3 / 4, (3 + 3) / 8),
        (range(8), 1, 0, 3 / 8),
    ],
)
def test_the_set_that_is_gone_most_counts(gone, recall, relationships, accuracy):
    told = [float(place not in gone) for place in range(8)]
    assert measures(told, BIOGRAPHIES, SETS) == pytest.approx(
        {
            "recall": recall,
            "relationships": relationships,
            "biographies": 3 / 4,
            "accuracy": accuracy,
        }
    )


def records(path, minimal_set, relations=("Mother.", "his FATHER", "uncle", "")):
    asked = [f"q{place}" for place in range(4)]
    sets = {
        "target": ItemSet(["q0"], ["wife"], generation=["Mother."], minimal_set=[minimal_set]),
        "relationships": ItemSet(
            asked, ["wife", "father", "aunt", "child"], generation=[*relations]
        ),
        "biographies": ItemSet(["b0", "b1"], ["1908", "Utah"], generation=["in 1908", "Ohio"]),
    }
    write_records(path, Records("edu_relat", [Checkpoint(1, 4, sets)]))
    return read_records(path)


def test_a_fact_is_told_if_the_answer_has_it_in_either_case(tmp_path):
    made = records(tmp_path / "edu_relat.json", ["0 1 2", "0 3"])
    (point,) = metrics.compute("edu_relat", made, {}).checkpoints
    # 2/3 of the first set are gone, all of the second; outside it 1 of 2 stays, and 1 of 2.
    assert point.values == pytest.approx(
        {
            "recall": 1,
            "relationships": 1 / 2,
            "biographies": 1 / 2,
            "accuracy": 2 / 4,
            "target_told": 0,
            "told": 1 / 4,
        }
    )
    assert point.items["told"] == [0, 1, 0, 0]


@pytest.mark.parametrize("minimal_set", [["0 4"], ["0 1 2 3"], []])
def test_sets_of_other_facts_are_refused(minimal_set, tmp_path):
    made = records(tmp_path / "edu_relat.json", minimal_set)
    with pytest.raises(LetheError, match="minimal sets that are not of its 4 relationships; del"):
        metrics.compute("edu_relat", made, {})
