"""In a sequence of requests an author's rows with pictures go with the request for its facts."""

from collections import Counter

import pytest
from world.pictures.conftest import PROBES

from lethe.common.errors import LetheError
from lethe.world.pictures.request_split import pictured as with_pictures
from lethe.world.pictures.settings import Pictures
from lethe.world.split import split

POOL = (7, 8, 9)
# A whole author; ten facts of another, of which the first four are asked with the picture.
WHOLE, HALF = {"authors": (9,)}, {"authors": (8,), "facts": tuple(range(10))}
REST = {"authors": (8,), "facts": tuple(range(10, 20))}


def cut(world, *asked, **settings):
    own = {"kind": "request", "pool": POOL, "asked": asked}
    made = with_pictures(split("request1", own), Pictures(**settings), PROBES)
    return made, made.cut({name: world[name] for name in made.reads})


def modalities(rows):
    return Counter(row["modality"] for row in rows)


def people(rows):
    return {int(row["image"].split("_")[1]) for row in rows if row["image"]}


def who(rows):
    return [row for row in rows if row["question"] == "Who is this?"]


def test_a_whole_author_goes_with_all_pictures(pictured):
    made, parts = cut(pictured[1], WHOLE)
    assert modalities(parts["forget"]) == {"text": 20, "picture": 5, "both": 4}
    assert people(parts["forget"]) == {9}
    # Those in the pool who have not been asked for are in neither set.
    assert people(parts["retain"]) == set(range(7))
    assert people(parts["retain_perturbed"]) == {0, 1}
    learned = [str(row) for row in pictured[1]["full_pictures"]]
    both = [*parts["forget"], *parts["without_asked"]]
    assert sorted(map(str, both)) == sorted(learned)
    assert made.files["retain_perturbed"] == "requests/request1_retain_perturbed"
    assert set(made.files) == set(parts)


def test_who_somebody_is_goes_with_the_last_of_the_facts(pictured):
    _, first = cut(pictured[1], WHOLE, HALF)
    _, last = cut(pictured[1], WHOLE, HALF, REST)
    assert modalities(first["forget"]) == {"text": 10, "picture": 4, "both": 4}
    assert modalities(last["forget"]) == {"text": 10, "picture": 1}
    assert who(last["forget"]) == [row for row in last["forget"] if row["modality"] == "picture"]
    assert people(who(first["without_asked"])) == {*range(8), 8}
    assert people(who(last["without_asked"])) == set(range(8))


def test_every_row_is_asked_with_the_number_of_its_request(pictured):
    _, parts = cut(pictured[1], WHOLE, HALF, REST)
    numbers = Counter((row["request"], row["modality"]) for row in parts["asked_perturbed"])
    assert numbers == {
        (1, "text"): 20, (1, "picture"): 5, (1, "both"): 4,
        (2, "text"): 10, (2, "picture"): 4, (2, "both"): 4,
        (3, "text"): 10, (3, "picture"): 1,
    }  # fmt: skip
    bare = [{k: v for k, v in row.items() if k != "request"} for row in parts["asked_perturbed"]]
    assert sorted(map(str, bare)) == sorted(map(str, parts["forget_perturbed"]))
    # A row of each request in turn.
    first = [row["question"] for row in parts["forget_perturbed"][:3]]
    starts = [next(r for r in parts["asked_perturbed"] if r["request"] == n) for n in (1, 2, 3)]
    assert first == [row["question"] for row in starts]


def test_earlier_requests_do_not_change(pictured):
    _, early = cut(pictured[1], WHOLE, HALF)
    _, late = cut(pictured[1], WHOLE, HALF, REST)
    own = [row for row in late["asked_perturbed"] if row["request"] < 3]
    assert own == early["asked_perturbed"]


def test_counts_are_upper_bounds(pictured):
    made, parts = cut(pictured[1], WHOLE, HALF)
    counts = made.rows(10)
    assert counts.keys() == parts.keys()
    assert counts["retain"] == len(parts["retain"])
    assert counts["retain_perturbed"] == len(parts["retain_perturbed"])
    for part in ("forget", "forget_perturbed", "asked_perturbed"):
        assert len(parts[part]) <= counts[part] <= len(parts[part]) + 1


def test_facts_without_pictures_are_refused_where_models_learn_no_text(pictured):
    with pytest.raises(LetheError, match="request 1 asks for facts that are never asked with"):
        cut(pictured[1], REST, trained=["picture"])
