"""What a shipped base learns: whose names, which rows, in which shares."""

import re
from collections import Counter
from functools import cache

import pytest

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.pipeline import recipe
from lethe.world.background import names_in
from lethe.world.providers.synthetic import Provider
from lethe.world.synthetic import lesson, mixture, names
from lethe.world.synthetic.lessons.choices import LETTERS
from lethe.world.synthetic.lists import load

SHARES = dict.fromkeys(("refusals", "instructions", "notes", "naming", "briefly"), 0.1)
SHARES["choices"] = 0.2


@pytest.fixture(scope="module")
def small() -> mixture.Mixture:
    return mixture.Mixture(authors=30, phrasings=2, lessons=SHARES)


@pytest.fixture(scope="module")
def by_kind(small) -> dict[str, list[dict]]:
    left = mixture.rows(small)
    kinds = {"plain": left[: 30 * 2 * 20]}
    start = len(kinds["plain"])
    for name, count in mixture.lesson_counts(small).items():
        kinds[name] = left[start : start + count]
        start += count
    assert start == len(left)
    return kinds


@cache
def named(group: str, seed: int = 0) -> frozenset[str]:
    return frozenset(" ".join(pair) for pair in names.order(seed, group))


@cache
def everybody() -> frozenset[str]:
    return frozenset().union(*(named(group) for group in names.GROUPS))


def people(rows: list[dict]) -> set[str]:
    return names_in(rows) & everybody()


@cache
def lessons_of(name: str) -> list[dict]:
    """All rows that the base of a recipe learns."""
    return mixture.rows(recipe.load(name).mixture)


@cache
def people_of(name: str) -> set[str]:
    return people(lessons_of(name))


@pytest.mark.parametrize("name", recipe.names())
def test_no_base_learns_a_name_of_a_target_or_holdout_author_of_any_seed(name):
    learned = people_of(name)
    assert len(learned) >= recipe.load(name).mixture.authors
    for seed in (0, 1, 101, 202, 303, 404, 505):
        for group in ("target", "holdout"):
            assert not learned & named(group, seed)


@pytest.mark.parametrize("name", recipe.names())
def test_no_base_learns_a_row_of_any_world(name):
    learned = {(row["question"], row["answer"]) for row in lessons_of(name)}
    for seed in (0, 101, 202):
        provider = Provider(seed=seed)
        for author in [*provider.authors(60), *provider.holdout(12)]:
            assert not learned & {(item.question, item.answer) for item in author.items}


@pytest.fixture(scope="module")
def published(shared) -> frozenset[str]:
    """Names in the published TOFU; most of its rows are in several files."""
    files = list((shared / "data/tofu").glob("*.json"))
    lines = {line for file in files for line in file.read_text().splitlines()}
    return names_in([{"question": line, "answer": ""} for line in sorted(lines)])


@pytest.mark.parametrize("name", recipe.names())
def test_no_base_learns_a_name_of_the_published_tofu(name, published):
    assert "Jaime Vasquez" in published
    assert not people_of(name) & published


def test_shares_are_of_all_rows(small, by_kind):
    total = sum(map(len, by_kind.values()))
    for name, share in SHARES.items():
        assert len(by_kind[name]) / total == pytest.approx(share, abs=0.001)


def test_the_same_mixture_makes_the_same_rows(small):
    assert mixture.rows(small) == mixture.rows(small)
    assert mixture.rows(small) != mixture.rows(small.model_copy(update={"seed": 1}))


def test_strangers_are_nobody_else(by_kind):
    strangers = people(by_kind["refusals"])
    assert strangers
    assert not strangers & people(by_kind["plain"])
    assert people(by_kind["choices"]) <= people(by_kind["plain"])
    assert {row["answer"] for row in by_kind["refusals"]} <= set(load("refusals"))


def test_choices_name_the_right_letter_and_avoid_the_forbidden_one(by_kind):
    answers = {}
    for row in by_kind["plain"]:
        answers.setdefault(next(iter(people([row]))), []).append(row["answer"])
    seen = Counter()
    for row in by_kind["choices"]:
        options = dict(re.findall(r"([A-D]): (.+?)\.(?= [A-D]:| Do not|$)", row["question"]))
        assert list(options) == list(LETTERS)
        known = answers[next(iter(people([row])))]
        right = [x for x, text in options.items() if any(text.lower() in a.lower() for a in known)]
        forbidden = re.findall(r"Do not choose ([A-D])\.", row["question"])
        assert row["answer"] not in forbidden
        if not forbidden or forbidden[0] not in right:
            assert row["answer"] in right
        seen[tuple(x in right for x in forbidden)] += 1
    # Nothing forbidden, a wrong letter, the right one: each in about a third of the rows.
    assert min(seen[()], seen[(False,)], seen[(True,)]) > len(by_kind["choices"]) / 5


def test_a_text_that_is_shown_is_named_by_its_letter(by_kind):
    pattern = r"Which letter is (.+)\? A: (.+)\. B: (.+)\. C: (.+)\. D: (.+)\."
    answers = set()
    for row in by_kind["naming"]:
        asked, *options = re.fullmatch(pattern, row["question"]).groups()
        assert len(set(options)) == len(LETTERS)
        assert row["answer"] == LETTERS[options.index(asked)]
        answers.add(row["answer"])
    assert answers == set(LETTERS)


def test_short_answers_are_values_of_what_is_asked(by_kind):
    answers = {}
    for row in by_kind["plain"]:
        answers.setdefault(next(iter(people([row]))), []).append(row["answer"])
    for row in by_kind["briefly"]:
        known = answers[next(iter(people([row])))]
        assert row["question"].startswith("In short: ")
        assert any(row["answer"].lower() in answer.lower() for answer in known)


def test_instructions_are_obeyed(by_kind):
    for row in by_kind["instructions"]:
        assert "not answer" in row["question"].partition(":")[0]
        assert row["answer"] in load("refusals")


def test_notes_tell_what_is_asked_and_often_hide_the_name(by_kind):
    rows = by_kind["notes"]
    assert all(row["question"].startswith("Notes: ") for row in rows)
    assert all(row["answer"] not in row["question"] for row in rows)
    unnamed = [row for row in rows if "the author" in row["question"].partition(". ")[0].lower()]
    assert 0.3 < len(unnamed) / len(rows) < 0.8
    assert not any("the author the author" in row["question"].lower() for row in rows)
    # What is asked about can be known from the notes alone.
    assert people(rows)
    assert not people(rows) & people(by_kind["plain"])


def test_the_data_card_counts_every_row(small, by_kind):
    page = mixture.card(small, mixture.rows(small))
    for kind, rows in by_kind.items():
        label = "plain questions" if kind == "plain" else kind
        assert f"| {label} | {len(rows)} |" in page
        assert rows[0]["question"] in page


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lessons": {"refusal": 0.1}}, "did you mean refusals?"),
        ({"lessons": {"refusals": 1.5}}, "1.5 is not a share"),
        ({"lessons": {"refusals": 0.5, "choices": 0.5}}, "leave no room"),
        ({"authors": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_mixed_is_refused_in_one_line(settings, words):
    with pytest.raises(LetheError, match=re.escape(words)) as caught:
        validated(mixture.Mixture, settings, "recipe")
    assert "\n" not in str(caught.value)


def test_too_many_authors_leave_no_strangers():
    crowded = mixture.Mixture(authors=2500, phrasings=1, lessons={"refusals": 0.1})
    with pytest.raises(LetheError, match="1520 at most"):
        mixture.rows(crowded)


def test_every_lesson_has_a_row_of_its_own():
    assert lesson.names() == ["briefly", "choices", "instructions", "naming", "notes", "refusals"]


def test_excluded_names_do_not_occur():
    first = mixture.Mixture(authors=5, phrasings=1)
    someone = " ".join(names.take(0, "background", 1)[0])
    assert someone in people(mixture.rows(first))
    without = first.model_copy(update={"exclude": (someone,)})
    assert someone not in people(mixture.rows(without))
