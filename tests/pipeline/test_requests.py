"""Sequences of requests: the splits they make, what a run starts from, and what is refused."""

import pytest
from helpers.configurations import configured, message, written

from lethe.analysis.sequences import FILES
from lethe.pipeline import chains, requests
from lethe.pipeline.config.check import check

ASKED = {"pool": 5, "asked": [1, {"authors": [57], "facts": [0, 2]}, 2], "methods": ["npo"]}


def sequence(**changes) -> dict:
    return {"requests": {**ASKED, **changes}}


def refused(**changes) -> str:
    return message(written(sequence(**changes)))


def test_the_default_has_no_requests():
    config = configured()
    check(config)
    assert requests.names(config) == []
    assert requests.of_config(config) == {}
    assert requests.oracles_at(config) == []


def test_each_request_is_a_split_of_what_was_asked_for_by_then():
    config = configured(sequence())
    check(config)
    made = requests.of_config(config)
    assert list(made) == requests.names(config) == ["request1", "request2", "request3"]
    assert {one.settings.pool for one in made.values()} == {(55, 56, 57, 58, 59)}
    asked = [(one.authors, one.facts) for one in made["request3"].settings.asked]
    # A number takes the next authors of the pool whom no request named.
    assert asked == [((55,), None), ((57,), (0, 2)), ((56, 58), None)]
    assert made["request2"].settings.asked == made["request3"].settings.asked[:2]
    assert {one.rows(60)["retain"] for one in made.values()} == {55 * 20}


def test_a_further_request_leaves_the_settings_of_earlier_ones():
    before = requests.of_config(configured(sequence()))
    after = requests.of_config(configured(sequence(asked=[*ASKED["asked"], 1])))
    assert [*after] == [*before, "request4"]
    for name, one in before.items():
        assert after[name].settings == one.settings


def test_a_run_starts_from_the_end_of_the_request_before():
    config = configured(sequence(methods=["npo", "grad_ascent"]))
    assert list(chains.chain(config, "npo", "request1")) == []
    assert list(chains.chain(config, "npo", "request3")) == [
        ("npo", "request2"),
        ("npo", "request1"),
    ]
    assert list(chains.chain(config, "npo", "forget10")) == []


def test_there_is_an_oracle_after_the_last_request_unless_others_are_named():
    assert requests.oracles_at(configured(sequence())) == [3]
    assert requests.oracles_at(configured(sequence(oracles_at=[2, 1]))) == [1, 2]
    assert requests.oracles_at(configured(sequence(oracles_at=[]))) == []


def test_a_list_of_authors_may_be_the_pool():
    config = configured(sequence(pool=[40, 50, 57], asked=[2, 1]))
    asked = requests.of_config(config)["request2"].settings.asked
    assert [one.authors for one in asked] == [(40, 50), (57,)]


def test_the_measures_are_made_of_the_metrics_that_are_asked_for():
    assert requests.METRICS == FILES


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"pool": None}, "requests.pool: missing; say who may be asked for"),
        ({"pool": 60}, "requests.pool: 60 of the world's 60 authors, and some must stay; lower"),
        ({"pool": [57, 60]}, "requests.pool: there is no author 60 among the world's 60"),
        (
            {"asked": [1, 1, 1, 1, 1, 1]},
            "requests.asked: request 6 asks for 1 more authors, but only 0 are left of the pool "
            "of 5",
        ),
        ({"asked": [[55], [54]]}, "requests.asked: request 2 asks for author 54, who is not in"),
        (
            {"asked": [[55], [56], [55]]},
            "requests.asked: request 3 asks for author 55, which an earlier one asked for",
        ),
        (
            {"asked": [[55], {"authors": [55], "facts": [3]}]},
            "requests.asked: request 2 asks for fact 3 of author 55, which an earlier one",
        ),
        (
            {"asked": [{"authors": [55], "facts": [20]}]},
            "requests.asked: request 1 asks for fact 20; an author's facts are 0 to 19",
        ),
        ({"asked": [[55, 55]]}, "is listed more than once"),
        ({"asked": [{"authors": [55], "facts": []}]}, "requests.asked.0.facts: value should have"),
        ({"pool": [55, 55]}, "requests.pool: 55 is listed more than once; keep one"),
        ({"asked": [0]}, "requests.asked.0: write how many further authors of the pool"),
        ({"asked": []}, "requests.asked: empty; name one or more, or empty the other"),
        ({"methods": []}, "requests.methods: empty; name one or more, or empty the other"),
        ({"methods": ["npoo"]}, "requests.methods: unknown name; did you mean"),
        ({"oracles_at": [4]}, "requests.oracles_at: 4, but there are 3 requests; lower it"),
        ({"pool": [0, 59], "asked": [1]}, "world.perturbed_retain_authors: 8 are more than the 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes, line):
    assert line in refused(**changes)


def test_a_method_with_a_start_of_its_own_is_refused():
    again = {"again": {"method": "npo", "previous_run": "npo"}}
    values = written({**sequence(methods=["again"]), "method_settings": again})
    assert "requests.methods: again has a previous_run of its own" in message(values)


def test_a_method_that_needs_what_a_request_has_not_is_refused():
    paired = {"npo": {"wrappers": {"bao": {"pairs": "subject"}}}}
    values = written({**sequence(), "methods": [], "method_settings": paired})
    assert "npo needs subjects: split request1: no part 'subjects'" in message(values)


def test_a_split_may_not_have_the_name_of_a_request():
    split = {"request1": {"kind": "partial", "facts": 4}}
    values = written({**sequence(), "splits": ["request1"], "split_settings": split})
    assert "splits: request1 is the name of a request; rename it" in message(values)


def test_the_figure_of_a_sequence_needs_one():
    assert "figures: requests shows a sequence of requests" in message(
        written({"figures": ["requests"]})
    )


def test_worlds_in_several_languages_have_no_sequence_yet():
    """Its oracle would learn one language, and full all."""
    world = {"languages": {"learned": ["L1"], "holdout": [], "base": None}}
    values = written({**sequence(), "world": world, "splits": ["forget10_in_L0"]})
    assert "the oracle of request1 would learn L0 alone" in message(values)
