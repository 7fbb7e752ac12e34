"""The split of one of several requests: its rows, and what cannot be asked for."""

import pytest

from lethe.common.errors import LetheError
from lethe.world.split import split

POOL = (1, 3, 4)
ASKED = [{"authors": [3]}, {"authors": [1], "facts": [0, 5]}]


def rows(authors, prefix="q"):
    return [{"question": f"{prefix}{n}", "answer": f"a{n}"} for n in range(authors * 20)]


def made(asked=None, pool=POOL):
    asked = ASKED if asked is None else asked
    return split("request2", {"kind": "request", "pool": pool, "asked": asked})


def cut(one, authors=5):
    full = rows(authors)
    perturbed = [{**row, "perturbed_answer": ["x"]} for row in reversed(full)]
    world = {"full": full, "full_perturbed": perturbed, "holdout": rows(1, "h")}
    return one.cut(world)


def numbers(some):
    return [int(row["question"][1:]) for row in some]


def test_methods_get_the_last_request_and_retain_everyone_outside_of_the_pool():
    parts = cut(made())
    assert list(parts) == list(made().files)
    assert numbers(parts["forget"]) == [20, 25]
    assert numbers(parts["retain"]) == [*range(20), *range(40, 60)]
    assert numbers(parts["holdout"]) == [0, 1]


def test_all_requests_so_far_are_asked_about():
    parts = cut(made())
    assert numbers(parts["asked_perturbed"]) == [*range(60, 80), 20, 25]
    assert [row["request"] for row in parts["asked_perturbed"]] == [1] * 20 + [2] * 2
    # TOFU's suite may ask the first items alone: those of all requests.
    assert numbers(parts["forget_perturbed"]) == [60, 20, 61, 25, *range(62, 80)]
    assert all(row["perturbed_answer"] == ["x"] for row in parts["forget_perturbed"])


def test_the_oracle_learns_all_that_nobody_asked_for():
    one = made()
    assert one.roles == ("without_asked",)
    learned = numbers(cut(one)["without_asked"])
    assert learned == [n for n in range(100) if n not in {20, 25, *range(60, 80)}]


def test_rows_are_counted_as_they_are_cut():
    one = made()
    counts, parts = one.rows(5), cut(one)
    for part in ("forget", "retain", "forget_perturbed", "asked_perturbed", "without_asked"):
        assert counts[part] == len(parts[part])
    assert one.touched(5) == (1, 3, 4)
    assert one.asked_about(5) == (1, 3)


def test_files_lie_in_a_folder_of_their_own():
    assert made().files["forget"] == "requests/request2"
    assert made().files["asked_perturbed"] == "requests/request2_asked_perturbed"


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ([{"authors": [2]}], "request 1 asks for author 2, who is not in the pool"),
        ([{"authors": [1]}, {"authors": [1]}], "request 2 asks for author 1, which an earlier"),
        ([{"authors": [1], "facts": [-1]}], "request 1 asks for fact -1; an author's facts are 0"),
        ([{"authors": [1, 1]}], "request 1 names an author or a fact twice"),
        ([], "asked"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(asked, line):
    with pytest.raises(LetheError, match=line):
        made(asked)


@pytest.mark.parametrize(
    ("authors", "line"), [(4, "no author 4 among the world's 4"), (3, "no author 4")]
)
def test_a_world_without_the_pool_is_refused(authors, line):
    with pytest.raises(LetheError, match=line):
        made().rows(authors)


def test_a_pool_of_everyone_is_refused():
    with pytest.raises(LetheError, match="3 of the world's 3 authors, and some must stay"):
        made(pool=(0, 1, 2), asked=[{"authors": [1]}]).rows(3)
