"""MUSE's texts as a world: their order and pieces, the splits, and files of another form."""

import json

import pytest
from helpers import made_muse

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.providers import muse as reader
from lethe.world.split import split, write
from lethe.world.splits.muse import SUST


def muse(folder, **settings):
    return provider("muse", path=folder, seed=0, **settings)


def rows(authors):
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def joined(row):
    return f"{row['question']} {row['answer']}"


def test_texts_take_turns_and_rows_are_their_pieces(tmp_path):
    made = muse(made_muse.write(tmp_path), chunk_words=100)
    corpus = made_muse.corpus()
    turns = [row["part"] for row in rows(made.authors(3))]
    assert list(dict.fromkeys(turns)) == ["forget", "retain1", "retain2"]
    [first] = made.authors(1)
    pieces = [joined(row) for row in rows([first])]
    words = corpus["raw/forget"][0].split()
    assert " ".join(pieces).split() == words
    assert len(pieces) == -(-len(words) // 100)
    assert max(len(piece.split()) for piece in pieces) <= 100
    # What the template plain writes is a part of the text as it is, its paragraphs included.
    assert all(piece in corpus["raw/forget"][0] for piece in pieces)
    assert any("\n\n" in piece for piece in pieces)
    assert len(made.authors(18)) == 18
    assert [len(author.items) for author in muse(tmp_path).authors(18)] == [1] * 18


@pytest.mark.parametrize("count", range(2, 60))
def test_no_piece_has_less_than_two_words(count):
    text = " ".join(map(str, range(count)))
    pieces = reader.pieces_of(text, reader.LEAST_WORDS)
    assert " ".join(pieces) == text
    assert all(2 <= len(piece.split()) <= reader.LEAST_WORDS for piece in pieces)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("one two three", ("one", "two three")),
        ("one\ntwo three", ("one\ntwo", "three")),
        ("one  two three", ("one  two", "three")),
        ("one\ntwo", ("one", "two")),
    ],
)
def test_a_text_is_cut_at_its_first_single_space(text, cut):
    assert reader.head_and_rest(text) == cut


def test_a_text_is_in_the_world_once_and_forgotten_wherever_it_is(tmp_path):
    twice = ["a b c", "a b c", "d e f", "", "word"]
    made_muse.write(tmp_path, raw__forget=twice, raw__retain1=["d e f", "g h i", "j k l"])
    made = rows(muse(tmp_path).authors(9))
    texts = [joined(row) for row in made]
    assert len(set(texts)) == len(texts)
    parts = {joined(row): row["part"] for row in made}
    assert (parts["a b c"], parts["d e f"], parts["g h i"]) == ("forget", "forget", "retain1")


def test_what_is_asked_is_beside_the_texts(tmp_path):
    made = muse(made_muse.write(tmp_path, privleak__holdout=["new\x0cpage and more"]))
    asked = {author.name: rows([author]) for author in made.holdout(0)}
    corpus = made_muse.corpus()
    assert joined(asked["verbmem"][0]) == " ".join(corpus["verbmem/forget"][0].values())
    first, shown = asked["knowmem_retain"][0], corpus["knowmem/retain_qa_icl"]
    assert first["question"] == corpus["knowmem/retain_qa"][0]["question"]
    assert first["examples"].count("Question: ") == len(shown) == 10
    assert first["examples"].startswith(
        f"Question: {shown[0]['question']}\nAnswer: {shown[0]['answer']}\n\nQuestion: "
    )
    assert [row["text"] for row in asked["privleak_forget"]] == corpus["privleak/forget"]
    # Books has form feeds in such texts: tokens as all others, though no row may hold them.
    [row] = asked["privleak_holdout"]
    assert (row["text"], row["answer"]) == ("new\x0cpage and more", "newpage and more")


def test_splits_of_growing_forget_sets(tmp_path):
    """The oracle's training set is all that is not forgotten; methods retain what is of retain1."""
    source, world = made_muse.write(tmp_path), tmp_path / "world"
    tofu_format.write_world(muse(source), world, 18, 0, 8)
    files = {name: world / f"{name}.json" for name in ("full", "holdout")}
    full, corpus = {joined(row) for row in read_rows(files["full"])}, made_muse.corpus()
    for name, place in (("muse_raw", "raw/forget"), ("muse_scal_3", "scal/forget_3")):
        made = split(name)
        write(made, files, lambda part, made=made: world / f"{made.files[part]}.json")
        by_part = {part: read_rows(world / f"{file}.json") for part, file in made.files.items()}
        forget = {joined(row) for row in by_part["forget"]}
        assert forget == set(corpus[place])
        assert {joined(row) for row in by_part["kept"]} == full - forget
        assert {joined(row) for row in by_part["retain"]} == {*corpus["raw/retain1"]} - forget
        assert made.data_of("retain") == f"{name}_kept"
        assert {part: len(by_part[part]) for part in ("verbmem", "knowmem_forget")} == {
            "verbmem": 6,
            "knowmem_forget": 18,
        }
        # Bounds for plans.
        assert all(len(by_part[part]) <= made.rows(18)[part] for part in made.parts)


def test_texts_of_a_larger_set_that_are_nowhere_else_are_learned_too(tmp_path):
    made_muse.write(tmp_path, scal__forget_2=["x y z"])
    last = rows(muse(tmp_path).authors(19))[-1]
    assert (joined(last), last["part"], last["sets"]) == ("x y z", "other", "scal_2")


@pytest.mark.parametrize("form", ["rows.json", "jsonl", "parquet", "shards"])
def test_the_forms_of_files_are_one(tmp_path, form):
    import pyarrow
    from pyarrow.parquet import write_table

    plain = rows(muse(made_muse.write(tmp_path / "a")).authors(18))
    other = made_muse.write(tmp_path / "b")
    for file in sorted(other.glob("*/*.json")):
        given = json.loads(file.read_text("utf-8"))
        objects = [{"text": row} if isinstance(row, str) else row for row in given]
        if form == "rows.json":
            file.write_text(json.dumps(objects), encoding="utf-8")
        elif form == "jsonl":
            lines = "".join(json.dumps(row) + "\n" for row in objects)
            file.with_suffix(".jsonl").write_text(lines, encoding="utf-8")
            file.unlink()
        elif form == "parquet":
            write_table(pyarrow.Table.from_pylist(objects), file.with_suffix(".parquet"))
            # Older JSON lies beside the hub's Parquet.
            file.write_text("[]", encoding="utf-8")
        else:
            for number, some in enumerate((objects[:1], objects[1:])):
                shard = f"{file.stem}-0000{number}-of-00002.parquet"
                write_table(pyarrow.Table.from_pylist(some), file.with_name(shard))
            file.unlink()
    assert rows(muse(other).authors(18)) == plain
    assert [len(a.items) for a in muse(other).holdout(0)] == [6, 18, 18, 6, 6]


BROKEN = {
    "nothing there": ("raw/retain1.json", None, r"raw/retain1: no such file \(.parquet, .jsonl"),
    "empty": ("raw/forget.json", "[]", r"raw/forget\.json: no rows; was the file cut off"),
    "no list": ("raw/forget.json", '{"a": 1}', r"raw/forget\.json: not a list of rows"),
    "no json": ("raw/forget.json", "[", r"raw/forget\.json: not valid JSON"),
    "all blank": ("raw/forget.json", '["", " "]', r"raw/forget: all its texts are empty"),
    "other column": ("raw/forget.json", '[{"body": "x y"}]', r"a row has 'body', not 'text' alone"),
    "a number": ("raw/forget.json", "[1]", r"raw/forget: a row has int, not 'text' alone"),
    "no text": ("raw/forget.json", '[{"text": 1}]', r"raw/forget, row 1 is 1, not a text"),
    "half a pair": ("raw/forget.json", '["a b\\ud800"]', r"row 1 holds half a surrogate pair"),
    "verbatim": ("verbmem/forget.json", '[{"prompt": "a"}]', r"row 1: has 'prompt', not prompt"),
    "blank truth": (
        "verbmem/forget.json",
        '[{"prompt": "a", "gt": " "}]',
        r"verbmem/forget, row 1: 'gt' is ' ', not a text",
    ),
    "control": (
        "knowmem/forget_qa.json",
        '[{"question": "a\\u0001", "answer": "b"}]',
        r"knowmem/forget_qa: a text holds the character U\+0001",
    ),
    "no examples": ("knowmem/retain_qa_icl.json", None, r"knowmem/retain_qa_icl: no such file"),
    "blank whole": ("privleak/forget.json", '["x", ""]', r"privleak/forget, row 2 is '', not a"),
    "no parquet": ("raw/forget.parquet", "no", r"raw/forget\.parquet: not a Parquet file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_other_files_are_refused_in_one_line(tmp_path, name):
    place, content, message = BROKEN[name]
    file = made_muse.write(tmp_path) / place
    if content is None:
        file.unlink()
    else:
        file.write_text(content, encoding="utf-8")
    made = muse(tmp_path)
    with pytest.raises(LetheError, match=message) as caught:
        rows([*made.authors(5), *made.holdout(0)])
    assert "\n" not in str(caught.value)


def test_folders_that_are_none_of_muse(tmp_path):
    with pytest.raises(LetheError, match=r"world\.path: null; set it to a folder with MUSE's raw"):
        muse(None).authors(1)
    with pytest.raises(LetheError, match=r"no such folder; set world\.path to one corpus"):
        muse(tmp_path / "absent").authors(1)
    made_muse.write(tmp_path / "news")
    with pytest.raises(LetheError, match=r"no folder raw in it; set world\.path to .*news"):
        muse(tmp_path).authors(1)
    with pytest.raises(LetheError, match=r"world\.authors: 28, but .* has 27 different texts"):
        muse(tmp_path / "news").authors(28)
    with pytest.raises(LetheError, match=r"world\.chunk_words: 7; set it to 8 or more"):
        muse(tmp_path, chunk_words=7)


def test_splits_that_the_world_cannot_have(tmp_path):
    made_muse.write(tmp_path)
    for number in range(2, 5):
        (tmp_path / f"scal/forget_{number}.json").unlink()
    world = {"full": rows(muse(tmp_path).authors(18)), "holdout": []}
    with pytest.raises(LetheError, match=r"no row of the forget set scal_2; raise world\.authors"):
        split("muse_scal_2").cut(world)
    only = [row for row in world["full"] if row["part"] == "forget"]
    with pytest.raises(LetheError, match=r"nothing of retain1 stays; raise world\.authors, or"):
        split("muse_raw").check_rows(only)
    with pytest.raises(LetheError, match=r"no row of the forget set sust_2; raise world\.authors"):
        split("muse_sust_2").cut(world)


def test_requests_one_after_another_forget_one_set_each(tmp_path):
    made_muse.write(tmp_path)
    world = {"full": rows(muse(tmp_path).authors(27)), "holdout": []}
    asked = [split(f"muse_sust_{number}") for number in range(1, 5)]
    assert [one.follows for one in asked] == [None, "muse_sust_1", "muse_sust_2", "muse_sust_3"]
    assert split("muse_raw").follows is None
    cut = [one.cut(world) for one in asked]
    sets = {name: texts_in(world["full"], name) for name in SUST}
    assert [texts(parts["forget"]) for parts in cut] == list(sets.values())
    assert sum(map(len, sets.values())) == len(set().union(*sets.values())) == 6 + 3 * 3
    everything = texts(world["full"])
    gone = set()
    for parts, forgotten in zip(cut, sets.values(), strict=True):
        gone |= forgotten
        assert texts(parts["kept"]) == everything - gone
        # What methods may retain is the same for every request.
        assert texts(parts["retain"]) == texts(cut[0]["retain"])
        assert not texts(parts["retain"]) & set().union(*sets.values())


def texts_in(learned, name):
    return texts([row for row in learned if name in row["sets"].split()])


def texts(some):
    return {(row["question"], row["answer"]) for row in some}
