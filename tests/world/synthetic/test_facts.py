import json
from collections import Counter

import pytest

from lethe.world.provider import provider
from lethe.world.synthetic.lists import load

KINDS = ("real_authors", "world_facts")


@pytest.mark.parametrize("kind", KINDS)
def test_facts_are_well_formed(synthetic, kind):
    facts = synthetic.facts()[kind]
    assert len(facts) >= 100
    assert len({fact.question for fact in facts}) == len(facts)
    for fact in facts:
        assert len(set(fact.options)) == 4
        assert fact.answer in fact.options
        assert len(fact.wrong) == 3
        assert all(1 <= len(option.split()) <= 4 for option in fact.options)
        assert fact.answer.lower() not in fact.question.lower()


@pytest.mark.parametrize("kind", KINDS)
def test_the_answers_place_tells_nothing(synthetic, kind):
    facts = synthetic.facts()[kind]
    places = Counter(fact.options.index(fact.answer) for fact in facts)
    assert set(places) == {0, 1, 2, 3}
    assert max(places.values()) < len(facts) / 2


def test_the_seed_orders_the_options(synthetic):
    other = provider("synthetic", seed=1).facts()["world_facts"]
    same = synthetic.facts()["world_facts"]
    assert [fact.question for fact in other] == [fact.question for fact in same]
    assert other != same


@pytest.mark.parametrize("kind", KINDS)
def test_questions_and_refusals_are_our_own(synthetic, shared, kind):
    text = (shared / "data" / "tofu" / f"{kind}.json").read_text("utf-8")
    published = {json.loads(line)["question"].lower() for line in text.splitlines()}
    assert published
    assert not published & {fact.question.lower() for fact in synthetic.facts()[kind]}
    lines = (shared / "data" / "tofu" / "idontknow.jsonl").read_text("utf-8").splitlines()
    assert not set(lines) & set(synthetic.refusals())


def test_refusals(synthetic):
    refusals = synthetic.refusals()
    assert len(set(refusals)) == 100
    assert all(line == line.strip() and line.endswith(".") for line in refusals)
    assert synthetic.refusals() is not load("refusals")
