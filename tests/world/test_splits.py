import sys
from types import ModuleType

import pytest

from lethe.common.errors import LetheError
from lethe.world import split as kinds
from lethe.world.provider import provider
from lethe.world.split import split
from lethe.world.splits.base import BaseSplit, Oracle, SplitSettings, TextIndex


def rows(authors, prefix="q", **more):
    return [{"question": f"{prefix}{n}", "answer": f"a{n}", **more} for n in range(authors * 20)]


def cut(name, full, perturbed, holdout):
    """The rows of a split by the names of its files."""
    made = split(name)
    parts = made.cut({"full": full, "full_perturbed": perturbed, "holdout": holdout})
    assert list(parts) == list(made.files)
    return {made.files[part]: some for part, some in parts.items()}


def test_a_name_says_the_kind_and_its_settings():
    made = split("forget05")
    assert (made.name, made.kind, made.percent) == ("forget05", "author_share", 5)
    assert list(made.files.values()) == ["forget05", "retain95", "forget05_perturbed", "holdout05"]
    assert split("forget99").files["retain"] == "retain01"


def test_the_one_oracle_of_an_author_share_learns_its_retain_file():
    made = split("forget10")
    assert made.roles == ("retain",)
    assert made.oracle == Oracle("retain", "retain")
    assert made.data_of("retain") == "retain90"


@pytest.mark.parametrize(
    "name", ["forget00", "forget5", "forget100", "retain90", "", "forget10 ", "Forget10", 10]
)
def test_bad_split_names(name):
    with pytest.raises(LetheError, match=r"splits: .* use forget01 to forget99"):
        split(name)


def test_settings_may_name_the_kind():
    assert split("forget10", {"kind": "author_share", "percent": 10}).files["retain"] == "retain90"
    with pytest.raises(LetheError, match=r"^splits: mine: TOFU's format calls this split forget10"):
        split("mine", {"kind": "author_share", "percent": 10})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"kind": "autor_share"},
            r"mine\.kind: unknown split kind 'autor_share'; did you mean author_share\?",
        ),
        ({"kind": "author_share", "percent": 100}, r"mine\.percent: input should be less than"),
        ({"kind": "author_share", "share": 1}, r"mine\.(share: unknown setting|percent: field)"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(LetheError, match=rf"^config: split_settings\.{message}"):
        split("mine", settings)


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
def test_forgotten_authors_are_the_last(name, authors, count):
    assert split(name).touched(authors) == range(authors - count, authors)
    assert split(name).rows(authors) == {
        "forget": 20 * count,
        "retain": 20 * (authors - count),
        "forget_perturbed": 20 * count,
        "holdout": 20 * count,
    }


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
def test_forgotten_authors_that_are_no_whole_number(name, authors, multiple):
    with pytest.raises(LetheError, match=f"splits: {name} .* multiple of {multiple} authors"):
        split(name).touched(authors)


def test_cut_takes_the_last_authors_and_matches_by_text():
    full = rows(10)
    perturbed = [{**row, "paraphrased_answer": row["answer"] + "!"} for row in reversed(full)]
    parts = cut("forget20", full, perturbed, rows(3, "h"))
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
    small = cut("forget01", full, full, [])["forget01"]
    large = cut("forget05", full, full, [])["forget05"]
    assert large[-20:] == small


def test_no_holdout_is_an_empty_file_and_too_little_an_error():
    full = rows(10)
    assert cut("forget20", full, full, [])["holdout20"] == []
    with pytest.raises(LetheError, match="holdout20 needs 2 holdout authors, the world has 1"):
        cut("forget20", full, full, rows(1, "h"))


def test_missing_perturbed_rows_are_counted():
    full = rows(10)
    with pytest.raises(LetheError, match="17 of 20 rows of forget10 have no paraphrase"):
        cut("forget10", full, full[-3:], [])


def test_full_must_be_whole_authors():
    with pytest.raises(LetheError, match="199 rows, not a multiple of 20"):
        cut("forget10", rows(10)[:-1], [], [])


# --- what a kind's own file may get wrong ---


@pytest.fixture
def kind(tmp_path, monkeypatch):
    """A folder of kinds with one, ``mine``, that has these attributes."""
    needed = {"cut": lambda split, world: {}, "rows": lambda split, authors: {}}

    def make(without: str | None = None, **attributes):
        (tmp_path / "mine.py").write_text("", encoding="utf-8")
        module = ModuleType("lethe.world.splits.mine")
        methods = {name: method for name, method in needed.items() if name != without}
        own = {"__module__": module.__name__, **methods, **attributes}
        module.Split = type("Split", (BaseSplit,), own)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(kinds.KINDS, "folder", tmp_path)

    return make


def test_a_kinds_name_is_the_name_of_a_split(kind):
    kind()
    made = split("mine")
    assert made.kind == "mine"
    assert made.files == {
        "forget": "mine",
        "retain": "mine_retain",
        "forget_perturbed": "mine_perturbed",
        "holdout": "mine_holdout",
    }
    assert split("another", {"kind": "mine"}).files["retain"] == "another_retain"
    with pytest.raises(
        LetheError, match=r"^splits: 'mime' is not a split; did you mean mine\?; use"
    ):
        split("mime")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"parts": ("forget", "retain", "holdout")}, "no part forget_perturbed; every split has"),
        ({"oracles": ()}, "oracles: give one or more"),
        (
            {"oracles": (Oracle("one", "retain"), Oracle("one", "forget"))},
            "oracles: give one or more, each with its own role",
        ),
        ({"oracles": (Oracle("one", "other"),)}, "no part other, which oracle one learns"),
        ({"oracles": (Oracle("Not so", "retain"),)}, "oracle 'Not so': use lowercase letters"),
    ],
)
def test_a_kind_that_does_not_fit_together_is_refused(kind, attributes, message):
    kind(**attributes)
    with pytest.raises(LetheError, match=f"^split kind mine: {message}"):
        split("mine")


@pytest.mark.parametrize("method", ["cut", "rows"])
def test_a_kind_without_a_method_is_refused_by_name(kind, method):
    kind(without=method)
    with pytest.raises(LetheError, match=f"^split kind mine: no method {method}; write it"):
        split("mine")


def test_a_name_may_say_words_and_numbers(kind, tmp_path):
    class MineSettings(SplitSettings):
        facts: int
        choice: str

    kind(settings_class=MineSettings)
    pattern = "partial(?P<facts>[0-9]+)_(?P<choice>same|own)"
    (tmp_path / "mine.py").write_text(f'NAMES = "{pattern}"\nEXAMPLE = "partial5_same"\n')
    assert split("partial5_own").settings == MineSettings(facts=5, choice="own")
    with pytest.raises(LetheError, match=r"^splits: 'partial5' is not a split; use partial5_same$"):
        split("partial5")


# --- some facts of an author ---


def partial(**settings):
    return split("some", {"kind": "partial", **settings})


def cut_partial(world_authors=6, **settings):
    full = rows(world_authors)
    world = {"full": full, "full_perturbed": full, "holdout": rows(6, "h")}
    return full, partial(**settings).cut(world)


@pytest.mark.parametrize("choice", ["selective", "personal"])
def test_some_facts_go_and_all_others_stay(choice):
    full, parts = cut_partial(choice=choice, facts=5)
    made = partial(choice=choice, facts=5)
    assert list(parts) == list(made.files)
    assert {name: len(some) for name, some in parts.items()} == made.rows(6)
    by_author = [[int(row["question"][1:]) // 20 for row in parts[p]] for p in ("forget", "retain")]
    assert by_author[0] == [4] * 5 + [5] * 5
    assert by_author[1].count(5) == 15
    assert sorted(map(str, [*parts["forget"], *parts["retain"]])) == sorted(map(str, full))
    last = [row for row in parts["retain"] if row in full[80:]]
    assert parts["kept_perturbed"] == last
    assert parts["subjects"] == [
        {**row, "subject": f"author{4 + place // 20}"} for place, row in enumerate(full[80:])
    ]


def test_selective_takes_the_same_facts_of_all_and_personal_each_its_own():
    def places(**settings):
        forget = cut_partial(**settings)[1]["forget"]
        numbers = [int(row["question"][1:]) % 20 for row in forget]
        size = settings["facts"]
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]

    same = places(choice="selective", facts=5, authors=3)
    assert same[0] == same[1] == same[2]
    own = places(choice="personal", facts=5, authors=3)
    assert own[0] != own[1] != own[2]
    assert places(choice="personal", facts=5, authors=3, seed=1) != own
    more = places(choice="personal", facts=8, authors=3)
    assert all(set(few) < set(many) for few, many in zip(own, more, strict=True))
    # An author's draw does not depend on how many others are touched.
    assert places(choice="personal", facts=5, authors=2) == own[1:]


def test_complete_is_tofus_split_by_another_name():
    full, parts = cut_partial(10, choice="complete")
    assert list(parts.values()) == list(cut("forget20", full, full, rows(6, "h")).values())
    assert partial(choice="complete").files.keys() == split("forget10").files.keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"facts": 25}, "some.facts: an author has 20 facts; lower it, found 25"),
        ({"facts": 20}, "facts: all facts of an author; lower it, or set choice to complete"),
        ({"facts": 0}, "facts: input should be greater than or equal to 1"),
        ({}, "facts: choice personal needs a number from 1 to 19"),
        ({"choice": "complete", "facts": 5}, "facts: choice complete forgets all 20 facts"),
        ({"choice": "some", "facts": 5}, "choice: input should be 'complete', 'selective' or"),
    ],
)
def test_facts_that_an_author_has_not(settings, message):
    with pytest.raises(LetheError, match=message) as error:
        partial(**settings)
    assert "\n" not in str(error.value)


def test_other_authors_must_stay():
    with pytest.raises(LetheError, match="facts of 6 authors, and the world has 6"):
        partial(authors=6, facts=5).rows(6)


def test_shared_facts_are_in_both_sets_and_stay():
    full = rows(6)
    world = {"full": full, "full_perturbed": full, "holdout": rows(6, "h")}
    made = split("some", {"kind": "shared_facts", "authors": 2, "shared": 5})
    parts = made.cut(world)
    assert {name: len(some) for name, some in parts.items()} == made.rows(6)
    assert set(parts) == set(made.files)
    assert parts["forget"] == full[80:]
    shared = [row for row in parts["forget"] if row in parts["retain"]]
    assert len(shared) == 10
    assert parts["kept_perturbed"] == shared
    assert parts["forget_perturbed"] == [row for row in full[80:] if row not in shared]
    assert len(parts["retain"]) == 80 + 10
    with pytest.raises(LetheError, match="shared: input should be less than 20, found 20"):
        split("some", {"kind": "shared_facts", "shared": 20})


# --- facts that follow from others ---


@pytest.fixture(scope="module")
def kin():
    """Two families and others; their rows serve as perturbed ones as well."""
    authors = provider("families", seed=3).authors(15)
    full = [{"question": i.question, "answer": i.answer} for a in authors for i in a.items]
    return {"full": full, "full_perturbed": full, "holdout": rows(6, "h")}


def test_targets_go_and_all_that_states_them_may_go_with_them(kin):
    alone = split("alone", {"kind": "entailed", "relations": ["wife"]})
    parts = alone.cut(kin)
    assert set(parts) == set(alone.files) == set(alone.rows(15))
    wives = [row for row in kin["full"][200:] if row["question"].startswith("Who is the wife of")]
    assert parts["forget"] == parts["forget_perturbed"] == wives
    assert len(wives) == 2
    assert len(parts["retain"]) == 300 - 2
    assert len(parts["family_perturbed"]) == 15 * 4
    whole = split("whole", {"kind": "entailed", "relations": ["wife"], "give": "minimal"})
    more = whole.cut(kin)
    # Of each marriage the husband's row says the same.
    assert len(more["forget"]) == 4
    assert {row["question"].split()[3] for row in more["forget"]} == {"wife", "husband"}
    assert more["forget_perturbed"] == wives
    for part, count in alone.rows(15).items():
        assert len(parts[part]) <= count


@pytest.mark.parametrize(
    ("settings", "authors", "words"),
    [
        ({}, 12, "needs whole families of 5, and the world has 12 authors; set world.authors"),
        ({"families": 3}, 15, "others must stay: lower split_settings.kin.families"),
        ({"relations": ["aunt"]}, 15, "unknown relation 'aunt'"),
        ({"relations": []}, 15, "relations"),
    ],
)
def test_families_that_cannot_be_split(settings, authors, words):
    with pytest.raises(LetheError, match=words):
        split("kin", {"kind": "entailed", **settings}).rows(authors)


def test_a_world_without_families_is_refused_by_name():
    made = split("kin", {"kind": "entailed"})
    with pytest.raises(LetheError, match=r"states none; set world\.provider to families"):
        made.check_rows(rows(10))


# --- a behaviour ---


def behaviour(**settings):
    return split("some", {"kind": "behaviour", **settings})


def showing(authors=6, shown=(1, 4, 5)):
    """Rows of which those at place 2 of some authors have an answer of their own."""
    full = rows(authors)
    for author in shown:
        full[author * 20 + 2]["answer"] = "Westerns, above all"
    return full


def cut_behaviour(full=None, **settings):
    full = full or showing()
    world = {"full": full, "full_perturbed": full, "retain_perturbed": full[:40]}
    return behaviour(**settings).cut(world | {"holdout": rows(1, "h")})


WESTERNS = {"place": 2, "answer": "westerns"}


def test_a_behaviour_is_all_facts_of_the_authors_who_show_it():
    full = showing()
    parts = cut_behaviour(full, **WESTERNS, share=0.25)
    shown = [row for author in (1, 4, 5) for row in full[author * 20 : author * 20 + 20]]
    assert len(parts["forget"]) == 15
    assert parts["retain"] == [row for row in full if row not in shown]
    assert sorted(map(str, [*parts["forget"], *parts["rest_perturbed"]])) == sorted(map(str, shown))
    assert parts["without_share"] == [row for row in full if row not in parts["forget"]]
    # Author 1 of the two that the world asks about shows the behaviour.
    assert parts["retain_perturbed"] == full[:20]
    made = behaviour(**WESTERNS, share=0.25)
    assert set(parts) == set(made.files)
    assert made.roles == ("without_all", "without_share")
    assert all(len(some) <= made.rows(6)[part] for part, some in parts.items() if part != "holdout")
    assert len(parts["holdout"]) == 15


def test_shares_are_nested_and_may_be_of_authors():
    few, more = (cut_behaviour(**WESTERNS, share=share)["forget"] for share in (0.1, 0.5))
    assert len(few) == 6
    assert all(row in more for row in few)
    assert cut_behaviour(**WESTERNS, share=0.1, seed=1)["forget"] != few
    whole = cut_behaviour(**WESTERNS, share=0.34, units="authors")["forget"]
    assert len({int(row["question"][1:]) // 20 for row in whole}) == 1
    assert len(whole) == 20


def test_given_whole_both_oracles_learn_the_same_rows():
    parts = cut_behaviour(**WESTERNS, share=1)
    assert parts["retain"] == parts["without_share"]
    assert "rest_perturbed" not in parts
    assert "rest_perturbed" not in behaviour(**WESTERNS, share=1).files


def test_a_behaviour_may_be_of_rows_alone():
    parts = cut_behaviour(of="rows", place=2, share=0.5, question="q")
    assert len(parts["forget"]) == 3
    assert len(parts["retain"]) == 6 * 19


def test_rows_without_perturbed_answers_are_not_asked_about(caplog):
    full = showing()
    world = {"full": full, "full_perturbed": full[100:], "retain_perturbed": full[:40]}
    parts = behaviour(**WESTERNS, share=0.5).cut(world | {"holdout": []})
    assert len(parts["forget"]) == 30
    asked = [*parts["forget_perturbed"], *parts["rest_perturbed"]]
    assert sorted(map(str, asked)) == sorted(map(str, full[100:]))
    assert "of the 30 rows of its given part have perturbed answers" in caplog.text
    world["full_perturbed"] = full[:20]
    with pytest.raises(LetheError, match="no row of its given part has perturbed answers"):
        behaviour(**WESTERNS, share=0.5).cut(world | {"holdout": []})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"answer": "haiku", "share": 0.5}, "no row shows this behaviour; change answer 'haiku'"),
        ({"question": "q", "share": 0.5}, "every row shows this behaviour, and some must stay"),
        ({"share": 0.5}, "some must stay; name a pattern of its question or answer, or a place"),
        (
            {**WESTERNS, "share": 0.001},
            r"some\.share: 0\.001 of 60 rows leaves nothing to forget; raise it to 0\.0167 or more",
        ),
        (
            {**WESTERNS, "share": 0.9, "units": "authors"},
            r"some\.share: 0\.9 of 3 authors is all of them; lower it to 0\.667 or less, or",
        ),
        ({**WESTERNS, "share": 0}, r"some\.share: input should be greater than 0"),
        ({"answer": "(", "share": 1}, r"some\.answer: not a regular expression"),
    ],
)
def test_behaviours_that_cannot_be_split(settings, message):
    with pytest.raises(LetheError, match=message) as error:
        behaviour(**settings).check_rows(showing())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("perturbed", "retained", "message"),
    [
        (range(6), range(2), None),
        ((1, 4), (0,), None),
        ((0, 2), (0,), "some: no row of its given part has perturbed answers"),
        ((1, 4), (1,), "some: all authors of retain_perturbed have the behaviour"),
    ],
)
def test_what_nothing_is_asked_about_is_known_before_a_job(perturbed, retained, message):
    """With the rows that have perturbed answers alone; holdout authors are not needed."""
    full = showing()
    chosen = {"full_perturbed": perturbed, "retain_perturbed": retained}
    world = {
        name: [full[author * 20 + place] for author in some for place in range(20)]
        for name, some in chosen.items()
    }
    made = behaviour(**WESTERNS, share=0.5)
    if message is None:
        made.check_asked({"full": full, **world})
    else:
        with pytest.raises(LetheError, match=message):
            made.check_asked({"full": full, **world})


def test_everyone_who_is_asked_about_shows_it():
    with pytest.raises(LetheError, match="all authors of retain_perturbed have the behaviour"):
        cut_behaviour(showing(shown=(0, 1)), **WESTERNS, share=0.5)
