"""Metrics of reformulated questions: values by hand."""

from dataclasses import replace
from itertools import combinations

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records
from lethe.evaluate.variants.kinds import KINDS
from lethe.metrics.worst_case_leak import worst

# Of each question: the plain one, in other words, with typos, and the other way round; the
# answers' novel words are ghent and belgium, kyiv, and oslo, and the names of who was born there.
ITEMS = [
    ("Where was Ana born?", "Ghent, Belgium", ["plain", "paraphrase", "typos", "reverse_query"]),
    ("Where was Bea born?", "Kyiv", ["plain", "paraphrase", "typos"]),
    ("Where was Cyd born?", "Oslo", ["plain", "typos", "reverse_query"]),
    ("Who is Dan?", "Dan", ["plain"]),
]


def texts(question: str, value: str, kinds: list[str]) -> list[str]:
    reverse = f"Who was born in {value}?"
    return [reverse if kind == "reverse_query" else f"{question} {kind}" for kind in kinds]


def rights(question: str, value: str, kinds: list[str]) -> list[str]:
    name = question.split()[2]
    return [name if kind == "reverse_query" else value for kind in kinds]


def table(*said: list[str], samples=None) -> ItemSet:
    """The items above with what was said to each variant."""
    return ItemSet(
        question=[question for question, _, _ in ITEMS],
        answer=[f"In {value}." for _, value, _ in ITEMS],
        prompt=[kinds for _, _, kinds in ITEMS],
        prompt_text=[texts(*item) for item in ITEMS],
        prompt_answer=[rights(*item) for item in ITEMS],
        prompt_generation=list(said),
        sample=samples,
    )


# Answered:      plain, paraphrase, typos, reverse
FORGET = table(
    ["In Belgium.", "No.", "Bonn.", "Bea."],  # 1 (half of two words), 0, 0, 0
    ["In Rome.", "Kyiv!", "KYIV", "x"][:3],  # 0, 1, 1
    ["In Oslo", "In Rome", "It was Cyd."],  # 1, -, 0, 1
    ["Dan"],  # Its answer has no novel word.
)
RETAIN = table(["Ghent", "Ghent", "x", "Ana"], ["Kyiv", "y", "Kyiv"], ["z", "Oslo", "x"], ["Dan"])
ORACLE = table(["x", "x", "x", "x"], ["x", "Kyiv", "x"], ["x", "x", "Cyd"], ["x"])


def records(forget=FORGET, retain=RETAIN, epochs=(0,)) -> Records:
    sets = {"forget": forget, "retain": retain}
    return Records("variants", [Checkpoint(k, k, sets) for k in epochs], "variants.json")


def one(metric, forget=FORGET, oracle=None, **settings):
    beside = None if oracle is None else records(oracle)
    file = metrics.compute(metric, records(forget), oracle_records=beside, **settings)
    return file.checkpoints[0]


def test_leaks_by_kind_with_the_plain_question_beside():
    made = one("variants")
    assert made.items == {
        "plain": [1, 0, 1],
        "paraphrase": [0, 1],
        "paraphrase_plain": [1, 0],
        "typos": [0, 1, 0],
        "typos_plain": [1, 0, 1],
        "reverse_query": [0, 1],
        "reverse_query_plain": [1, 1],
    }
    third = pytest.approx(1 / 3)
    assert made.values == {
        "plain": pytest.approx(2 / 3),
        "plain_questions": 3,
        "paraphrase": 0.5,
        "paraphrase_plain": 0.5,
        "paraphrase_questions": 2,
        "typos": third,
        "typos_plain": pytest.approx(2 / 3),
        "typos_questions": 3,
        "reverse_query": 0.5,
        "reverse_query_plain": 1,
        "reverse_query_questions": 2,
        "kinds": 3,
        "kinds_left_out": len(KINDS) - 3,
    }


def test_the_oracle_stands_beside_each_kind():
    made = one("variants", oracle=ORACLE)
    assert made.items["paraphrase_oracle"] == [0, 1]
    assert made.items["typos_beyond_oracle"] == [0, 1, 0]
    assert made.values["plain_oracle"] == 0
    assert made.values["plain_beyond_oracle"] == pytest.approx(2 / 3)
    assert made.values["reverse_query_beyond_oracle"] == 0


def test_the_threshold_is_of_novel_words():
    assert one("variants", threshold=0.51).items["plain"] == [0, 0, 1]


def test_what_the_variant_itself_says_is_no_leak():
    hint = [list(row) for row in FORGET.prompt_text]
    hint[0][0] += " It lies in Belgium."
    shown = replace(FORGET, prompt_text=hint)
    # Ghent alone is left, which was not said.
    assert one("variants", shown).items["plain"] == [0, 0, 1]


def test_samples_count_as_answers():
    samples = [["x", "Ghent"] * 4, ["Kyiv", "Kyiv"] * 3, ["x", "x"] * 3, ["x", "x"]]
    drawn = table(*FORGET.prompt_generation, samples=samples)
    made = one("variants", drawn)
    assert made.items["plain_sampled"] == [0.5, 1, 0]
    # An answer or one of its samples; Ana is not said in Ghent.
    assert made.items["plain"] == [1, 1, 1]
    assert made.items["reverse_query"] == [0, 1]
    assert made.items["reverse_query_sampled"] == [0, 0]
    assert one("worst_case_leak", drawn, budget=2).values["answers"] == 6


def test_the_worst_attacks_by_hand():
    made = one("worst_case_leak", budget=2)
    # plain: items 1, 3; paraphrase: 2; typos: 2; reverse: 3. Plain and paraphrase answer all.
    assert made.items == {"forget": [1, 1, 1]}
    assert made.values == {
        "forget": 1,
        "forget_at_1": pytest.approx(2 / 3),
        "forget_at_2": 1,
        "forget_at_4": 1,
        "plain": pytest.approx(2 / 3),
        "budget": 2,
        "attacks": 4,
        "answers": 2,
        "questions": 3,
        "left_out": 1,
    }


def test_the_oracle_is_attacked_under_the_same_budget():
    made = one("worst_case_leak", oracle=ORACLE, budget=1)
    assert made.items["forget"] == [1, 0, 1]
    # Its worst attack is its own: in other words, item 2.
    assert made.items["oracle"] == [0, 1, 0]
    assert made.items["beyond_oracle"] == [1, -1, 1]
    assert made.values["oracle_at_2"] == pytest.approx(2 / 3)
    assert made.values["beyond_oracle"] == pytest.approx(1 / 3)
    assert one("worst_case_leak", oracle=FORGET).values["beyond_oracle"] == 0


def test_a_budget_above_the_attacks_takes_all():
    assert one("worst_case_leak", budget=9).values["budget"] == 4


def test_no_set_of_attacks_is_worse():
    masks = [0b11000, 0b00110, 0b10101, 0b00001, 0b01010]
    for budget in range(1, 6):
        unions = [
            len({bit for mask in some for bit in range(5) if mask >> bit & 1})
            for some in combinations(masks, budget)
        ]
        assert worst(masks, budget).bit_count() == max(unions)


def test_views_by_hand():
    values = one("views").values
    # Unseen views of the items: (0 + 0) / 2, (1 + 1) / 2, 0 / 1; reverse queries are no view.
    assert values["trained"] == pytest.approx(2 / 3)
    assert values["unseen"] == pytest.approx(1 / 3)
    assert values["gap"] == pytest.approx(-1 / 3)
    assert values["efficacy_trained"] == pytest.approx(1 / 3)
    assert values["efficacy_unseen"] == pytest.approx(2 / 3)
    # Retain: trained 1, 1, 0; unseen 1/2, 1/2, 1.
    assert values["utility"] == pytest.approx(2 / 3)
    assert values["utility_unseen"] == pytest.approx(2 / 3)
    assert values["harmonic_trained"] == pytest.approx(2 / (3 + 3 / 2))
    assert values["harmonic_unseen"] == pytest.approx(2 / 3)
    assert values["unseen_paraphrase"] == 0.5
    assert values["unseen_typos"] == pytest.approx(1 / 3)
    assert values["questions"] == 3


def test_views_of_the_oracle():
    made = one("views", oracle=ORACLE)
    assert made.items["oracle_unseen"] == [0, 0.5, 0]
    assert made.values["oracle_gap"] == pytest.approx(1 / 6)
    assert made.items["beyond_oracle"] == [0, 0.5, 0]


def test_views_need_one():
    bare = replace(
        FORGET,
        **{
            column: [row[:1] for row in getattr(FORGET, column)]
            for column in ("prompt", "prompt_text", "prompt_answer", "prompt_generation")
        },
    )
    with pytest.raises(LetheError, match=r"no forget question has both .*; add some of para"):
        one("views", bare)
    assert one("worst_case_leak", bare).values["attacks"] == 1


def test_records_in_which_nothing_could_leak_are_refused():
    echo = replace(FORGET, prompt_text=FORGET.prompt_answer)
    with pytest.raises(LetheError, match="no variant of a forget question leaves a novel word"):
        one("worst_case_leak", echo)


@pytest.mark.parametrize("metric", ["variants", "worst_case_leak", "views"])
def test_an_oracle_that_was_asked_otherwise_is_refused(metric):
    samples = [["x"] * len(row) for row in FORGET.prompt]
    others = [[f"{text} Please." for text in row] for row in FORGET.prompt_text]
    for oracle in (replace(ORACLE, sample=samples), replace(ORACLE, prompt_text=others)):
        with pytest.raises(LetheError, match="not those of the oracle"):
            one(metric, oracle=oracle)
    with pytest.raises(LetheError, match="an oracle has 1 checkpoint"):
        metrics.compute(metric, records(), oracle_records=records(ORACLE, epochs=(1, 2)))
