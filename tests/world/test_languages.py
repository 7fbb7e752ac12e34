"""Languages made by rule can be undone exactly; translations find their rows; splits give some."""

import re

import pytest

from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.world.languages import OWN
from lethe.world.languages.by_rule import RULES, original, translated
from lethe.world.languages.making import by_rules, from_file, write_background, write_translations
from lethe.world.languages.rows import Translations
from lethe.world.languages.word_map import WORD, WordMap
from lethe.world.languages.word_order import reordered
from lethe.world.split import split
from lethe.world.splits.languages import READS


def texts(authors) -> list[str]:
    return [
        text
        for author in authors
        for item in author.items
        for text in (
            item.question,
            item.answer,
            item.paraphrased_question,
            item.paraphrased_answer,
            *item.perturbed_answer,
        )
    ]


@pytest.mark.parametrize("language", RULES)
def test_translation_is_exactly_invertible_and_keeps_names(synthetic, language):
    everyone = synthetic.authors(40) + synthetic.holdout(4)
    plain = texts(everyone)
    # Every template of questions and answers.
    plain += [row[key] for row in synthetic.background(6, 6) for key in ("question", "answer")]
    made = [translated(text, language) for text in plain]
    assert [original(text, language) for text in made] == plain
    assert len(set(made)) == len(set(plain))
    assert all(a != b for a, b in zip(plain, made, strict=True))
    for author in everyone:
        asked = translated(author.items[0].question, language)
        assert author.name in asked


def test_words_are_mapped_one_to_one_over_the_world(synthetic):
    plain = " ".join(texts(synthetic.authors(30)))
    pairs = set(zip(WORD.findall(plain), WORD.findall(translated(plain, "L1")), strict=True))
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    names = {part for author in synthetic.authors(30) for part in WORD.findall(author.name)}
    assert names == {a for a, b in pairs if a == b}


def test_other_seeds_have_other_words_and_the_third_language_joins_both():
    text = "What is the birthplace of the author Saskia Moreau?"
    assert translated(text, "L1", seed=0) != translated(text, "L1", seed=1)
    assert translated(text, "L1") == translated(text, "L1", seed=0)
    assert translated(text, "L3") == reordered(translated(text, "L1"))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Who is the father of Ana Bo, the poet?", "poet the Ana Bo, of father the is Who?"),
        ("Ana Bo won it in 1950.", "1950 in it won Ana Bo."),
        ("Yes. She was born there!", "Yes. there born was She!"),
        ("Ana", "Ana"),
        ("", ""),
    ],
)
def test_word_order_by_hand(text, other):
    assert reordered(text) == other
    assert reordered(other) == text


@pytest.mark.parametrize(
    "text",
    [" two  spaces . and...", "A.B. c D?", "?!.", "tab\tx\ny Z", "Éa Öb c", "x. .y", ". a b"],
)
def test_word_order_undoes_itself_on_odd_texts(text):
    assert reordered(reordered(text)) == text


def test_a_word_map_by_hand():
    words = WordMap("s", ["house", "McLeod", "The", "the", "rose"], fixed=["Rose"])
    made = words.translated("The house, the McLeod House 7 rose: Rose")
    assert made.endswith(": Rose")
    assert " 7 " in made
    the, house = made.split()[:2]
    assert the.istitle()
    assert house == house.lower()
    assert words.original(made) == "The house, the McLeod House 7 rose: Rose"


def test_words_outside_the_vocabulary_are_refused():
    with pytest.raises(LetheError, match=r"^languages: the word 'zebras' is not in the vocabulary"):
        translated("zebras", "L1")


# --- files and splits ---


@pytest.fixture
def several(folder):
    """The world on disk with two languages learned and one held out."""
    write_translations(
        by_rules(0),
        {name: folder / f"{name}.json" for name in ("full", "full_perturbed", "holdout")},
        ["L1", "L2"],
        ["L3"],
        folder / "translations.json",
        folder / "full_languages.json",
    )
    return folder


def cut(folder, name):
    return split(name).cut({read: read_rows(folder / f"{read}.json") for read in READS})


def test_full_learns_every_fact_in_every_language_learned(several):
    full, stated = (read_rows(several / f"{n}.json") for n in ("full", "full_languages"))
    assert [row["language"] for row in stated[:4]] == [OWN, "L1", "L2", OWN]
    assert [row["question"] for row in stated[::3]] == [row["question"] for row in full]
    assert [original(row["answer"], "L2") for row in stated[2::3]] == [r["answer"] for r in full]
    rows = read_rows(several / "translations.json")
    assert len(rows) == 3 * 20 * 12
    assert [row["learned"] for row in rows[:3]] == [True, True, False]
    perturbed = read_rows(several / "full_perturbed.json")
    assert [original(t, "L3") for t in rows[2]["perturbed_answer"]] == perturbed[0][
        "perturbed_answer"
    ]


def test_a_split_gives_some_languages_and_asks_in_all(several):
    parts = cut(several, "forget10_in_L1")
    full = read_rows(several / "full.json")
    assert [original(row["question"], "L1") for row in parts["forget"]] == [
        row["question"] for row in full[-20:]
    ]
    assert len(parts["retain"]) == 9 * 20
    assert len(parts["learned"]) == 3 * 9 * 20
    assert {row["language"] for row in parts["learned"]} == {OWN, "L1", "L2"}
    forgotten = {row["question"] for row in full[-20:]}
    learned = parts["learned"]
    assert not forgotten & {row["question"] for row in learned}
    assert not forgotten & {
        original(row["question"], row["language"]) for row in learned if row["language"] != OWN
    }
    every = parts["forget_languages"][3]["languages"]
    assert [(one["language"], one["role"]) for one in every] == [
        (OWN, "learned"),
        ("L1", "given"),
        ("L2", "learned"),
        ("L3", "holdout"),
    ]
    assert original(every[3]["paraphrased_answer"], "L3") == every[0]["paraphrased_answer"]
    assert len(parts["retain_languages"]) == 2 * 20
    assert [original(r["question"], "L1") for r in parts["holdout"]] == [
        row["question"] for row in read_rows(several / "holdout.json")[:20]
    ]


def test_perturbed_rows_have_another_language_for_variants(several):
    (row, *_) = cut(several, "forget10_in_L1")["forget_perturbed"]
    assert row["translated_question"] == original(row["question"], "L1")
    (row, *_) = cut(several, "forget10_in_L0")["forget_perturbed"]
    assert row["translated_answer"] == translated(row["answer"], "L1")
    several_given = cut(several, "forget10_in_L0_L2")
    assert [row["language"] for row in several_given["forget"][:2]] == [OWN, "L2"]
    for part, count in split("forget10_in_L0_L2").rows(10).items():
        stated = {"learned": 3, "holdout": 2}.get(part, 1)
        assert len(several_given[part]) <= count * stated, part


def test_a_row_without_a_translation_is_refused(several):
    rows = read_rows(several / "translations.json")
    write_rows(several / "translations.json", rows[3:])
    with pytest.raises(LetheError, match=r"no translation in L1 of '.*'; add it"):
        cut(several, "forget10_in_L0")
    with pytest.raises(LetheError, match=r"no translation in L9 \(it has L1, L2, L3\)"):
        Translations(rows).of(read_rows(several / "full.json")[0], "L9")
    with pytest.raises(LetheError, match=r"^translations, row 1: no original_question"):
        Translations([{"language": "L1"}])


def test_settings_of_a_split_with_languages():
    assert split("mine", {"kind": "languages", "percent": 10, "given": ["L2"]}).languages == ("L2",)
    with pytest.raises(LetheError, match="listed more than once"):
        split("forget10_in_L1_L1")


def test_translations_from_a_file_are_taken_as_they_are(several, tmp_path):
    """A world whose source brings its translations; its holdout authors may lack them."""
    brought = tmp_path / "brought.json"
    rows = read_rows(several / "translations.json")
    targets = [row for row in rows if row["language"] == "L2"][: 20 * 10]
    write_rows(brought, targets)
    write_translations(
        from_file(brought),
        {name: several / f"{name}.json" for name in ("full", "full_perturbed", "holdout")},
        ["L2"],
        [],
        several / "translations.json",
        several / "full_languages.json",
    )
    assert read_rows(several / "translations.json") == targets
    assert len(cut(several, "forget10_in_L0")["holdout"]) == 20
    with pytest.raises(LetheError, match="no translation in L2"):
        cut(several, "forget10_in_L2")


def test_background_in_every_language(synthetic, tmp_path):
    rows = synthetic.background(2, 1)
    write_rows(tmp_path / "background.json", rows)
    write_background(tmp_path / "more.json", tmp_path / "background.json", ["L1", "L3"], 0)
    made = read_rows(tmp_path / "more.json")
    assert made[: len(rows)] == rows
    assert len(made) == 3 * len(rows)
    assert original(made[-1]["answer"], "L3") == rows[-1]["answer"]
    assert re.search(r"[A-Z]", made[-1]["question"])
