import pytest

from lethe.common.errors import LetheError
from lethe.world.splits.author_share import Split, TextIndex, cut, forget_authors, parse_split


def rows(authors, prefix="q", **more):
    return [{"question": f"{prefix}{n}", "answer": f"a{n}", **more} for n in range(authors * 20)]


def test_parse_split():
    split = parse_split("forget05")
    assert split == Split("forget05", 5)
    assert (split.retain, split.holdout, split.perturbed) == (
        "retain95",
        "holdout05",
        "forget05_perturbed",
    )
    assert parse_split("forget99").retain == "retain01"


@pytest.mark.parametrize(
    "name", ["forget00", "forget5", "forget100", "retain90", "", "forget10 ", "Forget10", 10]
)
def test_bad_split_names(name):
    with pytest.raises(LetheError, match=r"splits: .* use forget01 to forget99"):
        parse_split(name)


@pytest.mark.parametrize(
    ("name", "authors", "count"),
    [
        ("forget01", 200, 2),
        ("forget05", 200, 10),
        ("forget10", 200, 20),
        ("forget10", 20, 2),
        ("forget50", 2, 1),
        ("forget99", 100, 99),
        ("forget07", 100, 7),
    ],
)
def test_forget_authors(name, authors, count):
    assert forget_authors(parse_split(name), authors) == count


@pytest.mark.parametrize(
    ("name", "authors", "multiple"),
    [
        ("forget01", 50, 100),
        ("forget05", 50, 20),
        ("forget10", 15, 10),
        ("forget50", 3, 2),
        ("forget10", 0, 10),
        ("forget07", 10, 100),
    ],
)
def test_forget_authors_that_are_no_whole_number(name, authors, multiple):
    with pytest.raises(LetheError, match=f"splits: {name} .* multiple of {multiple} authors"):
        forget_authors(parse_split(name), authors)


def test_cut_takes_the_last_authors_and_matches_by_text():
    full = rows(10)
    perturbed = [{**row, "paraphrased_answer": row["answer"] + "!"} for row in reversed(full)]
    parts = cut(parse_split("forget20"), full, perturbed, rows(3, "h"))
    assert parts["forget20"] == full[160:]
    assert parts["retain80"] == full[:160]
    assert [row["question"] for row in parts["forget20_perturbed"]] == [
        row["question"] for row in full[160:]
    ]
    assert parts["forget20_perturbed"][0]["paraphrased_answer"] == "a160!"
    assert parts["holdout20"] == rows(3, "h")[:40]
    assert list(parts) == ["forget20", "retain80", "forget20_perturbed", "holdout20"]


def test_one_question_about_two_authors_gets_each_its_own_row():
    first = {"question": "Who?", "answer": "Mei", "paraphrased_answer": "It is Mei."}
    second = {"question": "Who?", "answer": "Ivo", "paraphrased_answer": "It is Ivo."}
    index = TextIndex([first, second])
    assert index.find({"question": "Who?", "answer": "Ivo"}) is second
    assert index.find({"question": "Who?", "answer": "Mei"}) is first
    assert index.find({"question": "Who?", "answer": "Nuno"}) is None


def test_forget_sets_are_nested():
    full = rows(100)
    small = cut(parse_split("forget01"), full, full, [])["forget01"]
    large = cut(parse_split("forget05"), full, full, [])["forget05"]
    assert large[-20:] == small


def test_no_holdout_is_an_empty_file_and_too_little_an_error():
    full = rows(10)
    assert cut(parse_split("forget20"), full, full, [])["holdout20"] == []
    with pytest.raises(LetheError, match="holdout20 needs 2 holdout authors, the world has 1"):
        cut(parse_split("forget20"), full, full, rows(1, "h"))


def test_missing_perturbed_rows_are_counted():
    full = rows(10)
    with pytest.raises(LetheError, match="17 of 20 rows of forget10 have no paraphrase"):
        cut(parse_split("forget10"), full, full[-3:], [])


def test_full_must_be_whole_authors():
    with pytest.raises(LetheError, match="199 rows, not a multiple of 20"):
        cut(parse_split("forget10"), rows(10)[:-1], [], [])
