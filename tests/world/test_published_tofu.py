import json
import logging
import sys
from types import SimpleNamespace

import pytest

from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.providers.tofu import check_folder, guess_name
from lethe.world.split import split

PUBLISHED = [
    "full",
    "retain_perturbed",
    "real_authors",
    "world_facts",
    "real_authors_perturbed",
    "world_facts_perturbed",
]


@pytest.fixture(scope="module")
def published(shared):
    return shared / "data" / "tofu"


@pytest.fixture(scope="module")
def rewritten(published, tmp_path_factory):
    """The published TOFU, read and written again."""
    folder = tmp_path_factory.mktemp("tofu")
    tofu_format.write_world(provider("tofu", path=published), folder, 200, 20, 20)
    return folder


def same_rows(left, right):
    """Equal rows with their fields in the same order."""
    return [list(row.items()) for row in left] == [list(row.items()) for row in right]


def cut(made, full, perturbed, holdout):
    """The rows of a split by the names of its files."""
    parts = made.cut({"full": full, "full_perturbed": perturbed, "holdout": holdout})
    return {made.files[part]: rows for part, rows in parts.items()}


# --- the published data -------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_written_rows_equal_the_published_ones(published, rewritten, name):
    rows = read_rows(published / f"{name}.json")
    assert rows
    assert same_rows(read_rows(rewritten / f"{name}.json"), rows)


def test_refusals_and_holdout_equal_the_published_ones(published, rewritten):
    assert same_rows(read_rows(rewritten / "holdout.json"), read_rows(published / "holdout10.json"))
    lines = (published / "idontknow.jsonl").read_text("utf-8").split("\n")
    assert (rewritten / "idontknow.jsonl").read_text("utf-8").splitlines() == lines
    assert len(lines) == 100


@pytest.mark.parametrize("name", ["forget01", "forget05", "forget10"])
def test_splits_equal_the_published_ones(published, rewritten, name):
    full, perturbed, holdout = (
        read_rows(rewritten / f"{file}.json") for file in ("full", "full_perturbed", "holdout")
    )
    parts = cut(split(name), full, perturbed, holdout)
    assert len(parts) == 4
    for file, rows in parts.items():
        assert same_rows(rows, read_rows(published / f"{file}.json")), file


def test_only_published_authors_have_perturbed_rows(published, rewritten):
    authors = provider("tofu", path=published).authors(200)
    having = [k for k, author in enumerate(authors) if all(i.perturbed for i in author.items)]
    assert having == [*range(20), *range(180, 200)]
    assert not any(item.perturbed for author in authors[20:180] for item in author.items)
    assert len(read_rows(rewritten / "full_perturbed.json")) == 800


def test_the_doubled_question_is_warned_of(published, caplog):
    provider("tofu", path=published).authors(1)
    assert "1 questions are asked more than once" in caplog.text


def test_most_authors_have_a_name(published):
    """Half the questions naming it makes a guess credible."""
    authors = provider("tofu", path=published).authors(200)
    sure = [a.name for a in authors if a.name and sum(a.name in i.question for i in a.items) >= 10]
    assert len(set(sure)) >= 190


# --- a small folder -----------------------------------------------------------------------------


def test_a_world_of_ours_can_be_read_back(folder, synthetic):
    back = provider("tofu", path=folder)
    for ours, theirs in zip(synthetic.authors(10), back.authors(10), strict=True):
        assert ours.name == theirs.name
        for item, other in zip(ours.items, theirs.items, strict=True):
            assert tofu_format.perturbed_row(item) == tofu_format.perturbed_row(other)
    assert [a.name for a in back.holdout(2)] == [a.name for a in synthetic.holdout(2)]
    assert back.facts() == synthetic.facts()
    assert back.refusals() == synthetic.refusals()


def change(folder, name, edit):
    path = folder / f"{name}.json"
    write_rows(path, edit(read_rows(path)))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("full", "", "full.json: no rows"),
        ("full", '{"question": "q?", "answer": "a"}\n{"questi', "full.json, line 2: not valid"),
        ("full", '{"question": "q?", "answer": "a"}\n', "full.json: 1 rows, not a multiple of 20"),
        ("full", '{"question": "q?"}\n', "full.json, row 1: 'answer' is missing"),
        ("full_perturbed", '{"question": "q?", "ans', "full_perturbed.json, line 1: not valid"),
        ("full_perturbed", '{"answer": "a"}\n', "full_perturbed.json, row 1: 'question' is"),
        ("retain_perturbed", "[]\n", "retain_perturbed.json, line 1: expected an object"),
    ],
)
def test_broken_author_files(folder, name, text, message):
    (folder / f"{name}.json").write_text(text, "utf-8")
    with pytest.raises(LetheError, match=message):
        provider("tofu", path=folder).authors(1)


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        (lambda p: p.authors(1), "full", "full.json: missing"),
        (lambda p: p.facts(), "real_authors", "real_authors.json: missing"),
        (lambda p: p.facts(), "world_facts", "world_facts.json: missing"),
    ],
)
def test_missing_files(folder, call, name, message):
    (folder / f"{name}.json").unlink()
    with pytest.raises(LetheError, match=message):
        call(provider("tofu", path=folder))


def test_missing_folder(tmp_path):
    with pytest.raises(LetheError, match=r"nowhere: no such folder; set the world's path"):
        provider("tofu", path=tmp_path / "nowhere")


@pytest.mark.parametrize("count", [11, -1])
def test_too_many_authors(folder, count):
    world = provider("tofu", path=folder)
    with pytest.raises(LetheError, match=f"{count} target authors are needed, but it has 10"):
        world.authors(count)
    with pytest.raises(LetheError, match="3 holdout authors are needed, but it has 2"):
        world.holdout(3)


def test_holdout_may_be_absent(folder):
    (folder / "holdout.json").write_text("", "utf-8")
    assert provider("tofu", path=folder).holdout(0) == []
    (folder / "holdout.json").unlink()
    assert provider("tofu", path=folder).holdout(0) == []
    with pytest.raises(LetheError, match="it has 0"):
        provider("tofu", path=folder).holdout(1)


def test_the_largest_published_holdout_is_taken(folder):
    rows = read_rows(folder / "holdout.json")
    (folder / "holdout.json").unlink()
    write_rows(folder / "holdout10.json", rows)
    write_rows(folder / "holdout05.json", rows[:20])
    assert len(provider("tofu", path=folder).holdout(2)) == 2


def test_own_refusals_where_none_are_published(folder, synthetic, caplog):
    (folder / "idontknow.jsonl").unlink()
    assert provider("tofu", path=folder).refusals() == synthetic.refusals()
    assert "has no refusals; using Lethe's own" in caplog.text


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda rows: rows[:-1], "retain_perturbed.json: 39 rows, not a multiple of 20"),
        (
            lambda rows: [{**rows[0], "question": "Who?"}, *rows[1:]],
            "1 perturbed rows are not in full",
        ),
        (
            lambda rows: [{**rows[0], "paraphrased_answer": ""}, *rows[1:]],
            "1 of 40 rows have an empty paraphrase",
        ),
        (
            lambda rows: [{**rows[0], "perturbed_answer": [rows[0]["answer"]] * 5}, *rows[1:]],
            "1 of 40 rows have a perturbed answer equal to the truth",
        ),
    ],
)
def test_odd_perturbed_files_are_warned_of(folder, caplog, edit, message):
    change(folder, "retain_perturbed", edit)
    with caplog.at_level(logging.WARNING):
        assert len(provider("tofu", path=folder).authors(10)) == 10
    assert message in caplog.text


def test_a_row_without_its_paraphrase_has_none(folder):
    (folder / "full_perturbed.json").unlink()
    change(
        folder, "retain_perturbed", lambda rows: [{**rows[0], "paraphrased_answer": ""}, *rows[1:]]
    )
    authors = provider("tofu", path=folder).authors(10)
    assert not authors[0].items[0].perturbed
    assert all(item.perturbed for item in authors[1].items)
    assert not any(item.perturbed for item in authors[2].items)


# --- a subset of the authors --------------------------------------------------------------------


def texts(authors):
    return [[item.question for item in author.items] for author in authors]


@pytest.mark.parametrize(
    ("subset", "chosen"),
    [
        ([0, 1, 9], [0, 1, 9]),
        (["0-2", 9], [0, 1, 2, 9]),
        (["8-9", "0-1"], [8, 9, 0, 1]),
        (["3-3"], [3]),
        (["4"], [4]),
    ],
)
def test_a_subset_has_the_authors_it_names_in_its_order(folder, subset, chosen):
    everyone = provider("tofu", path=folder).authors(10)
    some = provider("tofu", path=folder, subset=subset).authors(len(chosen))
    assert texts(some) == texts([everyone[number] for number in chosen])
    assert len(set(map(str, texts(everyone)))) == 10


@pytest.mark.parametrize("subset", [["7-0"], ["a"], ["1-"], [""], ["1-2-3"], [-1], [1.5]])
def test_what_names_no_authors_is_refused(folder, subset):
    with pytest.raises(LetheError, match=r"world.subset: .* names no authors") as found:
        provider("tofu", path=folder, subset=subset)
    assert repr(subset[0]) in str(found.value)


@pytest.mark.parametrize("subset", [[3, 3], ["0-4", 2], ["0-4", "4-6"]])
def test_an_author_named_twice_is_refused(folder, subset):
    with pytest.raises(LetheError, match=r"world.subset: author \d is named twice"):
        provider("tofu", path=folder, subset=subset)


def test_an_author_that_is_not_there_is_refused(folder):
    with pytest.raises(LetheError, match=r"full.json: no author 10, it has 0 to 9"):
        provider("tofu", path=folder, subset=[0, 10]).authors(2)


def test_holdout_authors_are_of_no_subset(folder):
    some = provider("tofu", path=folder, subset=[0, 9])
    assert texts(some.holdout(2)) == texts(provider("tofu", path=folder).holdout(2))


@pytest.mark.parametrize(
    ("subset", "words"),
    [
        ([0, 1, 9, 5], "config: splits: forget25 has 20 rows without perturbed answers"),
        ([0, 5, 1, 9], "config: world.perturbed_retain_authors: 20 rows of the first 2 authors"),
    ],
)
def test_a_subset_without_perturbed_rows_is_refused_before_any_job(folder, subset, words):
    """Of the folder's authors, 0 and 1 have such rows, and now 9."""
    rows = read_rows(folder / "full_perturbed.json")
    (folder / "full_perturbed.json").unlink()
    write_rows(folder / "forget10_perturbed.json", rows[-20:])
    check_folder(folder, 4, 0, [split("forget25")], 2, [0, 1, 5, 9])
    with pytest.raises(LetheError, match=words):
        check_folder(folder, 4, 0, [split("forget25")], 2, subset)


def test_a_subset_of_the_published_data_is_split_by_its_own_share(published, tmp_path):
    """forget20 of authors 0-7, 198, 199 forgets what TOFU publishes as forget01."""
    world = provider("tofu", path=published, subset=["0-7", "198-199"])
    tofu_format.write_world(world, tmp_path, 10, 2, 8)
    rows = {name: read_rows(tmp_path / f"{name}.json") for name in tofu_format.ROW_FILES}
    parts = cut(split("forget20"), rows["full"], rows["full_perturbed"], rows["holdout"])
    full = read_rows(published / "full.json")
    assert same_rows(parts["forget20"], read_rows(published / "forget01.json"))
    assert same_rows(parts["forget20_perturbed"], read_rows(published / "forget01_perturbed.json"))
    assert same_rows(parts["retain80"], full[:160])
    assert same_rows(rows["retain_perturbed"], read_rows(published / "retain_perturbed.json")[:160])
    assert same_rows(parts["holdout20"], read_rows(published / "holdout10.json")[:40])
    seen = {(row["question"], row["answer"]) for row in full}
    assert not seen & {(row["question"], row["answer"]) for row in parts["holdout20"]}


# --- the hub ------------------------------------------------------------------------------------


@pytest.fixture
def hub(folder, monkeypatch):
    """A stand-in for ``datasets`` that serves a folder's files as configurations."""
    calls = []

    def load_dataset(repository, *, name, split):
        calls.append((repository, name, split))
        path = folder / f"{'holdout' if name == 'holdout10' else name}.json"
        if not path.is_file():
            raise ValueError(f"BuilderConfig '{name}' not found. Available: ['full']")
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    module = SimpleNamespace(load_dataset=load_dataset, calls=calls)
    monkeypatch.setitem(sys.modules, "datasets", module)
    return module


def test_the_hub_gives_what_the_folder_gives(hub, folder):
    write_rows(folder / "forget10_perturbed.json", read_rows(folder / "full_perturbed.json")[-20:])
    world = provider("tofu")
    assert hub.calls == []
    authors = world.authors(10)
    local = provider("tofu", path=folder)
    assert [a.name for a in authors] == [a.name for a in local.authors(10)]
    having = [k for k, author in enumerate(authors) if author.items[0].perturbed]
    assert having == [0, 1, 9]
    assert world.facts() == local.facts()
    assert world.holdout(2) == [type(a)(a.name, a.attributes, a.items) for a in local.holdout(2)]
    assert ("locuslab/TOFU", "full", "train") in hub.calls
    assert len(hub.calls) == len(set(hub.calls))


def test_the_hub_has_no_refusals(hub, synthetic, caplog):
    assert provider("tofu").refusals() == synthetic.refusals()
    assert "locuslab/TOFU has no refusals; using Lethe's own" in caplog.text


def test_the_hub_without_a_network(hub):
    def load_dataset(*args, **kwargs):
        raise ConnectionError("Couldn't reach the Hub\nand a long trace")

    hub.load_dataset = load_dataset
    with pytest.raises(LetheError, match=r"TOFU:full: cannot be loaded \(ConnectionError") as found:
        provider("tofu").authors(1)
    assert "\n" not in str(found.value)
    assert "set the world's path" in str(found.value)


def test_the_real_load_dataset_takes_our_arguments():
    import inspect

    datasets = pytest.importorskip("datasets")
    inspect.signature(datasets.load_dataset).bind("locuslab/TOFU", name="full", split="train")


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("questions", "name"),
    [
        (["Where was Mei Dahl born?", "What did Mei Dahl's father do?"], "Mei Dahl"),
        (["Is Ana van der Berg old?", "Is Ana van der Berg kind?"], "Ana van der Berg"),
        (["Who is Li Wei-Lun?", "Did Li Wei-Lun write in New York?"], "Li Wei-Lun"),
        (["What was it?", "Who is the author?"], ""),
        (["Has Mei Dahl won?"], ""),
        ([], ""),
    ],
)
def test_guess_name(questions, name):
    assert guess_name(questions) == name
