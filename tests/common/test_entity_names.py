"""Whom a forget set is about, told from its texts."""

import pytest
from helpers.shared_data import shared_folder

from lethe.common.entity_names import names, subjects
from lethe.common.files import read_rows
from lethe.model.encoder import rows_to_pairs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Where was Ada Lind born?", ["Ada Lind"]),
        (
            "What is Jean-Paul de la Croix’s Book “Quiet Rivers.”?",
            ["Jean-Paul de la Croix", "Quiet Rivers"],
        ),
        ("Is Ada Lind's sister Mia O'Hara?", ["Ada Lind", "Mia O'Hara"]),
        ("In Paris, who knows Åsa Öberg?", ["Åsa Öberg"]),
        ("why does she write?", []),
    ],
)
def test_names(text, found):
    assert names(text) == found


def test_a_subject_stands_in_most_rows_and_a_title_in_few():
    pairs = [(f"What of Ada Lind and Quiet Rivers {n}?", "Hm.") for n in "abcdef"]
    pairs += [("What of Ben Roth?", "Ada Lind."), ("Who?", "Ada Lind.")]
    assert subjects(pairs) == ["Ada Lind"] * 6 + [None] * 2
    assert subjects([]) == []


def test_the_authors_of_tofu_are_found():
    rows = read_rows(shared_folder("data", "tofu") / "forget10.json")
    found = subjects(rows_to_pairs(rows))
    # 20 authors of 20 rows each, in order; some questions name no author.
    for author in range(20):
        own = found[20 * author : 20 * author + 20]
        assert len({*own} - {None}) == 1
        assert own.count(None) < 5
    assert len({*found} - {None}) == 20
