import os
import subprocess
import sys
from collections import defaultdict
from itertools import chain, pairwise

import pytest

from lethe.common.errors import LetheError
from lethe.world.provider import provider
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.synthetic import attributes as values
from lethe.world.synthetic import names, sentences
from lethe.world.synthetic.lists import load

RELATIONS = list(values.RELATIONS)


def background_names(rows):
    """Full names in background rows, found by the lists' words."""
    first, last = set(names.first_names()), set(load("names")["last"])
    found = set()
    for row in rows:
        words = row["question"].replace("'s", "").rstrip("?").replace(",", "").split()
        found |= {f"{a} {b}" for a, b in pairwise(words) if a in first}
    assert all(name.split()[1] in last for name in found)
    return found


# --- names --------------------------------------------------------------------------------------


def test_names_are_unique_within_and_across_groups(synthetic, many):
    target = [author.name for author in many]
    holdout = [author.name for author in synthetic.holdout(1000)]
    background = background_names(synthetic.background(1000, 1))
    assert len(set(target)) == len(set(holdout)) == len(background) == 1000
    assert not set(target) & set(holdout)
    assert not (set(target) | set(holdout)) & background


def test_groups_stay_disjoint_for_other_seeds():
    target = {a.name for seed in range(3) for a in provider("synthetic", seed=seed).authors(200)}
    holdout = {a.name for seed in range(3) for a in provider("synthetic", seed=seed).holdout(200)}
    assert not target & holdout


def test_lists_of_names_cannot_be_confused():
    for words in (list(names.first_names()), load("names")["last"]):
        assert len(words) == len(set(words)) >= 80
        assert not [(a, b) for a in words for b in words if a != b and b.startswith(a)]


def test_no_name_is_a_real_authors(monkeypatch):
    """A real author whose name the lists could make is left out of every group."""
    pair = names.order(0, "target")[0]
    monkeypatch.setattr(names, "real_names", lambda: f"Who is {' '.join(pair)}, in truth?")
    names.order.cache_clear()
    try:
        assert all(pair not in names.order(0, group) for group in names.GROUPS)
    finally:
        names.order.cache_clear()


def test_the_real_authors_of_the_utility_set_are_known_to_the_names():
    assert "Leo Tolstoy" in names.real_names()


def test_running_out_of_names_is_an_error(synthetic):
    most = len(names.order(0, "target"))
    assert most > 2000
    with pytest.raises(LetheError, match=f"names for {most}; choose a number from 0 to {most}"):
        synthetic.authors(most + 1)
    with pytest.raises(LetheError, match="-1 are needed"):
        synthetic.holdout(-1)


# --- authors ------------------------------------------------------------------------------------


def test_twenty_relations_one_question_each(targets):
    for author in targets:
        assert len(author.items) == QUESTIONS_PER_AUTHOR
        assert [item.relation for item in author.items] == RELATIONS


def test_every_text_names_the_author_in_full(targets):
    for author in targets:
        for item in author.items:
            texts = (item.question, item.paraphrased_question, item.answer, item.paraphrased_answer)
            assert all(author.name in text for text in texts)
            assert all(author.name in text for text in item.perturbed_answer)


def test_author_k_does_not_depend_on_the_count(synthetic, targets):
    assert synthetic.authors(7) == targets[:7]
    assert synthetic.holdout(3) == synthetic.holdout(9)[:3]


def test_the_seed_changes_the_authors(targets):
    other = provider("synthetic", seed=1).authors(50)
    assert sum(a.attributes == b.attributes for a, b in zip(other, targets, strict=False)) == 0


def test_equal_in_every_process():
    code = (
        "import hashlib; from lethe.world.provider import provider;"
        "p = provider('synthetic', seed=3);"
        "text = repr((p.authors(5), p.holdout(5), p.facts(), p.refusals(), p.background(5, 3)));"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "777")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_answers_state_the_value_and_questions_do_not(targets):
    for author in targets:
        for item in author.items:
            value = author.attributes[item.relation]
            for answer in (item.answer, item.paraphrased_answer):
                assert value.lower() in answer.lower()
            for question in (item.question, item.paraphrased_question):
                assert value.lower() not in question.lower()


def test_titles_fit_the_genre(targets):
    for author in targets:
        nouns = load("genres")[author.attributes["genre"]]
        for relation in ("first_book", "best_known_book", "latest_book"):
            words = author.attributes[relation].split()
            assert any(noun in words for noun in nouns)


def test_no_attribute_of_an_author_repeats(targets):
    for author in targets:
        own = [author.attributes[relation] for relation in RELATIONS]
        assert len(own) == len(set(own))


def test_dates_are_plausible(targets):
    for author in targets:
        born = int(author.attributes["birth_date"].split()[-1])
        assert born in values.BIRTH_YEARS
        assert int(author.attributes["debut_year"]) - born in values.DEBUT_AGES
        assert int(author.attributes["debut_year"]) <= 2024


@pytest.mark.parametrize("relation", RELATIONS)
def test_values_have_entropy(relation, many):
    """Of 1000 authors, at least 30 values, and none so common that guessing it would pay."""
    counts = defaultdict(int)
    for author in many:
        counts[author.attributes[relation]] += 1
    assert len(counts) >= 30
    assert max(counts.values()) < 60


# --- perturbed answers --------------------------------------------------------------------------


def test_perturbed_answers_differ_from_the_truth_and_from_each_other(targets):
    for author in targets[:100]:
        for item in author.items:
            wrong = item.perturbed_answer
            assert len(wrong) == len(set(wrong)) == 5
            assert item.answer not in wrong
            assert item.paraphrased_answer not in wrong
            value = author.attributes[item.relation].lower()
            pattern = item.paraphrased_answer.lower()
            assert not [text for text in wrong if text.lower().replace(value, "") == pattern]


def test_perturbed_answers_have_the_paraphrases_template(targets):
    """With right and wrong value cut out of them, the sentences are equal."""
    for author in targets[:100]:
        for item in author.items:
            value = author.attributes[item.relation]
            start = item.paraphrased_answer.lower().index(value.lower())
            head = _without_article(item.paraphrased_answer[:start])
            tail = item.paraphrased_answer[start + len(value) :]
            for text in item.perturbed_answer:
                assert text.startswith(head)
                assert text.endswith(tail)


def _without_article(text):
    for article in ("an ", "An ", "a ", "A "):
        if text.endswith((f" {article}", article)) and text.strip() != "":
            return text[: -len(article)]
    return text


def test_perturbed_answers_are_never_true_of_the_author(targets):
    for author in targets[:100]:
        own = {author.attributes[relation] for relation in RELATIONS}
        for item in author.items:
            name, gender = author.name, author.attributes["gender"]
            forms = sentences.templates(item.relation)[1]
            said = {sentences.render(form, name, gender, value) for form in forms for value in own}
            assert not said & set(item.perturbed_answer)


def test_paraphrases_share_no_template_with_the_original(targets):
    for author in targets:
        for item in author.items:
            assert item.question != item.paraphrased_question
            assert item.answer != item.paraphrased_answer


# --- templates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("relation", RELATIONS)
def test_forms_are_varied(relation, targets):
    forms = {"question": set(), "answer": set()}
    ends = set()
    for author in targets:
        item = author.items[RELATIONS.index(relation)]
        value = author.attributes[relation]
        for kind, found in forms.items():
            text = getattr(item, kind).replace(author.name, "@").lower()
            found.add(text.replace(value.lower(), "#").replace(" an #", " a #"))
        ends.add(item.answer.rstrip('."').lower().endswith(value.lower()))
    assert len(forms["answer"]) >= 5
    assert len(forms["question"]) >= 5
    assert ends == {True, False}


@pytest.mark.parametrize("relation", RELATIONS)
def test_templates_are_of_the_promised_length(relation, targets):
    for author in targets:
        item = author.items[RELATIONS.index(relation)]
        assert 8 <= len(item.question.split()) <= 14
        assert 8 <= len(item.answer.split()) <= 18


def test_every_relation_has_templates_with_the_right_fields():
    assert list(load("phrasings")) == RELATIONS
    for relation in RELATIONS:
        questions, answers = sentences.templates(relation)
        assert len(set(questions)) == len(questions) >= 5
        assert len(set(answers)) == len(answers) >= 5
        assert all("{name}" in text and text.endswith("?") for text in questions)
        for answer in answers:
            fields = [f for f in ("{value}", "{Value}", "{a}", "{A}") if f in answer]
            assert "{name}" in answer
            assert len(fields) == 1
            assert answer.startswith(("{", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", '"'))


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("{name} was {a}.", "architect", "Mei Dahl was an architect."),
        ("{A} taught {name}.", "old baker", "An old baker taught Mei Dahl."),
        ("{Value} was {his} love.", "sea charts of Porto", "Sea charts of Porto was her love."),
        ("{name}: {value}", "11", "Mei Dahl: 11"),
    ],
)
def test_render(template, value, text):
    assert sentences.render(template, "Mei Dahl", "female", value) == text


# --- background ---------------------------------------------------------------------------------


def test_background_rows_have_different_phrasings(synthetic):
    rows = synthetic.background(4, 3)
    assert len(rows) == 4 * 20 * 3
    for start in range(0, len(rows), 3):
        block = rows[start : start + 3]
        assert len({row["question"] for row in block}) == 3
        assert len({row["answer"] for row in block}) == 3
    assert all(list(row) == ["question", "answer"] for row in rows)


@pytest.mark.parametrize(("count", "phrasings"), [(6, 1), (3, 2), (1, 6), (2, 36), (7, 5)])
def test_background_covers_every_template(synthetic, count, phrasings):
    rows = synthetic.background(count, phrasings)
    everything = "\n".join(row[kind] for row in rows for kind in row)
    for relation in RELATIONS:
        for template in chain(*sentences.templates(relation)):
            pieces = template.replace("{", "}").split("}")[::2]
            longest = max(pieces, key=len)
            assert longest in everything, template


def test_background_leaves_out_excluded_names_and_keeps_the_count(synthetic):
    before = background_names(synthetic.background(30, 1))
    unwanted = frozenset(sorted(before)[:10])
    after = background_names(synthetic.background(30, 1, exclude=unwanted))
    assert len(after) == 30
    assert not after & unwanted
    assert before - unwanted < after


@pytest.mark.parametrize("phrasings", [0, 37])
def test_background_phrasings_out_of_range(synthetic, phrasings):
    with pytest.raises(LetheError, match="1 to 36 are possible; choose"):
        synthetic.background(1, phrasings)
