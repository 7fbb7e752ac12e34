"""Facts about relatives: what follows from what, and what must go, against sets found by hand."""

import pytest

from lethe.world.families import Fact, follows, minimal_sets, proofs, read, related, said
from lethe.world.provider import provider
from lethe.world.providers.families import SIZE

HUSBAND, WIFE = Fact("husband", "Ada", "Ben"), Fact("wife", "Ben", "Ada")
FATHER, MOTHER = Fact("father", "Cleo", "Ben"), Fact("mother", "Cleo", "Ada")
DAUGHTER = Fact("daughter", "Ben", "Cleo")


def sets(facts, target) -> set[frozenset]:
    return {*minimal_sets(frozenset(facts), target)}


def fact_sets(*some) -> set[frozenset]:
    return {frozenset(one) for one in some}


def test_of_two_that_say_the_same_both_must_go():
    assert sets([HUSBAND, WIFE], WIFE) == fact_sets([HUSBAND, WIFE])


def test_one_link_of_a_chain_is_enough():
    """The mother is the father's wife: she herself must go, and either he or the marriage."""
    facts = [FATHER, MOTHER, WIFE]
    assert sets(facts, MOTHER) == fact_sets([MOTHER, FATHER], [MOTHER, WIFE])
    assert proofs(frozenset(facts))[MOTHER] == fact_sets([MOTHER], [FATHER, WIFE])


def test_every_way_round_must_be_cut():
    """Father or daughter's father, with wife or husband: by hand, two proofs times two links."""
    facts = [FATHER, DAUGHTER, MOTHER, WIFE, HUSBAND]
    # Cleo's gender is known from the daughter, Ada's from the wife.
    assert proofs(frozenset(facts))[MOTHER] == fact_sets(
        [MOTHER],
        *([one, link] for one in (FATHER, DAUGHTER) for link in (WIFE, HUSBAND)),
    )
    assert sets(facts, MOTHER) == fact_sets([MOTHER, FATHER, DAUGHTER], [MOTHER, WIFE, HUSBAND])


def test_what_is_not_stated_may_follow_and_what_does_not_needs_nothing_to_go():
    facts = frozenset([MOTHER, Fact("mother", "Ada", "Eve")])
    grandmother = Fact("grandmother", "Cleo", "Eve")
    assert sets(facts, grandmother) == fact_sets(*([fact] for fact in facts))
    assert sets(facts, Fact("father", "Cleo", "Ben")) == fact_sets([])


def test_a_target_follows_from_what_is_told():
    facts = frozenset([FATHER, MOTHER, WIFE])
    assert follows(facts, [FATHER, WIFE], MOTHER)
    assert not follows(facts, [FATHER], MOTHER)
    assert follows(facts, [MOTHER], MOTHER)


def test_a_row_says_its_fact():
    assert read(*said(FATHER)) == FATHER
    assert said(FATHER) == ("Who is the father of Cleo?", "The father of Cleo is Ben.")
    assert read("Who is the author of Cleo?", "The author of Cleo is Ben.") is None
    assert read("Who is the father of Cleo?", "Nobody knows.") is None


@pytest.fixture(scope="module")
def authors():
    return provider("families", seed=3).authors(2 * SIZE)


def test_families_state_four_facts_about_each_member(authors):
    for author in authors:
        assert len({item.question for item in author.items}) == len(author.items) == 20
        facts = [read(item.question, item.answer) for item in author.items]
        assert sum(fact is not None for fact in facts) == 4
        assert all(fact.subject == author.name for fact in facts if fact)
    assert len({author.name for author in authors}) == len(authors)


def test_what_families_state_agrees_with_what_follows(authors):
    """No rule deduces anything about these people that is not stated: all is known, none wrong."""
    facts = frozenset(
        fact for one in authors for item in one.items if (fact := read(item.question, item.answer))
    )
    assert set(proofs(facts)) == facts
    assert related(facts, authors[0].name) == {
        fact for fact in facts if fact.subject in {one.name for one in authors[:SIZE]}
    }


def test_a_larger_world_begins_with_the_smaller_one(authors):
    assert provider("families", seed=3).authors(3)[:3] == authors[:3]


def test_wrong_answers_name_nobody_of_the_family(authors):
    names = {author.name for author in authors[:SIZE]}
    for item in authors[0].items[-4:]:
        assert len(set(item.perturbed_answer)) == 5
        assert not [
            text for text in item.perturbed_answer if any(text.startswith(n) for n in names)
        ]
