"""Defences: what each trains and is measured on, and what is refused."""

import pytest

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.unlearn import defence, defences
from lethe.unlearn.defences import _people

NAMES = ("Ada Brook", "Ben Cole", "Cleo Dunn", "Dan Ekes", "Eva Ford")


def rows_of(names):
    return [
        {"question": f"What is fact {n} about {name}?", "answer": f"{name} has fact {n}."}
        for name in names
        for n in range(20)
    ]


FORGET, RETAIN = rows_of(("Gil Hart", "Ina Jost", "Kim Lund")), rows_of(NAMES)


def made(kind, **given):
    return defences.load(kind, given, {"epochs": 2, "lr": 1e-3}, "place")


@pytest.mark.parametrize("kind", ["unlearning", "refusal"])
def test_halves_are_whole_authors_and_all_of_them(kind):
    first, second = (made(kind, half=half).rows(FORGET, RETAIN) for half in ("first", "second"))
    assert first + second == FORGET
    # Of three authors the first half has two.
    assert (len(first), len(second)) == (40, 20)
    risk = made(kind, half="second").risk_rows(FORGET, RETAIN)
    wanted = [{"question": r["question"], "unwanted": r["answer"]} for r in FORGET[40:]]
    assert risk == wanted


def test_one_author_has_no_halves():
    with pytest.raises(LetheError, match="place: the split forgets fewer than two authors"):
        made("unlearning", half="first").rows(FORGET[:20], RETAIN)
    # Parts of authors are cut in the middle.
    assert len(made("unlearning", half="first").rows(FORGET[:50], RETAIN)) == 25


def test_repair_learns_what_is_retained():
    repair = made("repair")
    assert repair.rows(FORGET, RETAIN) == RETAIN
    assert repair.risk_rows(FORGET, RETAIN)[0] == {
        "question": RETAIN[0]["question"],
        "wanted": RETAIN[0]["answer"],
    }
    assert (repair.method.settings.epochs, repair.method.settings.lr) == (2, 1e-3)


@pytest.mark.parametrize("kind", ["fairness", "safety"])
def test_people_asked_about_are_not_those_trained_on(kind):
    tuning = made(kind)
    trained, asked = tuning.rows(FORGET, RETAIN), tuning.risk_rows(FORGET, RETAIN)
    of = lambda rows: {name for name in NAMES for row in rows if name in row["question"]}  # noqa: E731
    assert of(asked) == {"Ada Brook", "Eva Ford"}
    assert of(trained) == {"Ben Cole", "Cleo Dunn", "Dan Ekes"}
    assert len(trained) == 9
    assert len(asked) == 6
    assert not [row for row in trained + asked if "{" in "".join(row.values())]
    assert all(row["wanted"] != row["unwanted"] for row in asked)


def test_a_world_without_names_is_refused():
    nameless = [{"question": "what is it?", "answer": "this"}] * 40
    with pytest.raises(LetheError, match="the retain set names 0 authors in its questions"):
        _people.authors(nameless)


def test_risks_by_hand():
    rows = [
        {"question": "q", "unwanted": "u"},
        {"question": "q", "wanted": "w"},
        {"question": "q", "wanted": "w", "unwanted": "u"},
        {"question": "q", "wanted": "w", "unwanted": "u"},
    ]
    found = defence.risks_from(rows, [0.0, 0.8, 0.3, 0.0], [0.6, 0.0, 0.1, 0.0])
    assert found == pytest.approx([0.6, 0.2, 0.25, 0.5])


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("unlearning", {}, r"place\.half: field required"),
        ("unlearning", {"half": "third"}, r"place\.half: input should be 'first' or 'second'"),
        ("unlearning", {"half": "first", "method": "nop"}, r"unknown method 'nop'.*npo"),
        ("unlearning", {"half": "first", "method": "altpo"}, "needs alternatives, which"),
        (
            "unlearning",
            {"half": "first", "method": "msa"},
            "needs prior, which defences do not have",
        ),
        ("unlearning", {"half": "first", "method": "prompt"}, "acts at inference time"),
        ("repair", {"half": "first"}, r"place\.half: unknown setting"),
        ("saftey", {}, "unknown defence 'saftey'; did you mean safety"),
    ],
)
def test_what_cannot_defend_is_one_line(kind, given, words):
    with pytest.raises(LetheError, match=words) as error:
        made(kind, **given)
    assert "\n" not in str(error.value)


def test_risk_files_without_answers_are_refused(tmp_path):
    file = tmp_path / "risk.json"
    write_rows(file, [{"question": "q", "wanted": "w"}, {"question": "q"}])
    assert len(defence.read_risk(file, 1)) == 1
    with pytest.raises(LetheError, match="line 2: needs texts question, and wanted or unwanted"):
        defence.read_risk(file)
    write_rows(file, [])
    with pytest.raises(LetheError, match="has no rows"):
        defence.read_risk(file)
