"""Worlds with pictures are planned; what does not fit them is refused in one line."""

import pytest
from helpers.configurations import configured, message, written

from lethe.evaluate.suite import contract
from lethe.pipeline import pictures, requests, splits
from lethe.pipeline.config.check import check


def overlay(world=None, **more) -> dict:
    seeing = {"base_recipe": None, "architecture": {"name": "llava"}}
    own = {"model_settings": {"tiny": seeing}, "evaluation": {"items": 2000}}
    return {"world": {"pictures": {}, **(world or {})}, **own, **more}


def test_splits_get_rows_with_pictures():
    config = configured(overlay())
    check(config)
    one = splits.of_config(config)["forget10"]
    assert one.rows(60)["forget"] == 6 * (20 + 1 + 4 + 4)
    assert one.rows(60)["retain"] == 54 * 29
    assert one.rows(60)["retain_perturbed"] == 8 * 29
    assert splits.holdout_authors(one, 60) == 6
    assert pictures.of_text(one).rows(60)["forget"] == 120
    asked = contract("pictures").files(one.files)
    assert asked["picture"] == "forget10_by_picture"
    assert asked["pose"] == "forget10_view_pose"


def test_worlds_without_pictures_are_as_they_were():
    config = configured()
    assert splits.of_name(config, "forget10").parts == (
        "forget",
        "retain",
        "forget_perturbed",
        "holdout",
    )
    assert pictures.files(config.world) == ()
    check(config)


def test_learned_views_are_not_asked_as_unseen():
    world = {"pictures": {"variations": ["pose", "style"], "learned_variations": ["style"]}}
    config = configured(overlay(world, metrics=["pictures"], figures=[]))
    check(config)
    asked = contract("pictures").files(splits.of_name(config, "forget10").files)
    assert {"pose", "retain_unseen"} <= asked.keys()
    assert not {"style", "scale"} & asked.keys()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pictures": {"variations": ["poses"]}}, "unknown variation 'poses'; did you mean pose"),
        ({"pictures": {"size": 8}}, "world.pictures.size"),
        ({"pictures": {"size": 4096}}, "world.pictures.size"),
        ({"pictures": {"size": "large"}}, "world.pictures.size"),
        ({"pictures": {"colour": 1}}, "world.pictures.colour"),
        ({"pictures": {"facts": 21}}, "world.pictures.facts"),
        ({"pictures": {"trained": []}}, "world.pictures.trained"),
        ({"pictures": 32}, "world.pictures"),
        ({"pictures": {"learned_variations": ["pose"], "variations": []}}, "pose is not among"),
        ({"authors": 100_000}, "only 57600 different faces can be drawn; lower world.authors"),
        ({"traces": {}}, "world.traces: not for a world with pictures"),
        ({"provider": "lume", "path": "."}, "provider lume has documents, not authors"),
    ],
)
def test_refused_worlds(changes, said):
    assert said in message(written(overlay(changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (overlay({"languages": {"learned": ["L1"]}}, splits=["forget10_in_L0"]), "world.languages"),
        (overlay(splits=["behaviour"]), "behaviour"),
        ({"metrics": ["pictures"], "figures": []}, "pictures needs the file forget_by_text"),
        (
            overlay(meta_evaluation={"enabled": True}, attacks=["relearned", "quantised4"]),
            "meta_evaluation.enabled: not for a world with pictures",
        ),
    ],
)
def test_refused_with_the_rest(changes, said):
    assert said in message(written(changes))


def test_a_limit_that_leaves_out_pictures_is_refused():
    """Rows of text come first: the default's 160 items would be asked without any picture."""
    words = (
        "evaluation.items: 160 of 174 forget rows of forget10 would leave out rows with pictures"
    )
    assert words in message(written(overlay(evaluation={"items": 160})))


VISUAL = {"method_settings": {"tower": {"method": "contrastive", "states": "pictures"}}}


def test_methods_of_pictures_are_refused_where_there_are_none():
    asked = {"methods": ["tower"], **VISUAL}
    assert "tower works on pictures, and the world has none" in message(written(asked))
    check(configured(overlay(**asked)))
    vision = {"wrappers": {"null_space": {"part": "vision"}}}
    wrapped = {"methods": ["npo_2"], "method_settings": {"npo_2": {"method": "npo", **vision}}}
    assert "npo_2 works on pictures" in message(written(wrapped))


def test_requests_have_rows_with_pictures():
    asked = {"pool": 4, "asked": [1, {"authors": [57], "facts": [0, 1]}], "methods": ["npo"]}
    config = configured(overlay(requests=asked))
    check(config)
    made = requests.of_config(config)
    assert made["request1"].rows(60)["forget"] == 29
    assert made["request1"].rows(60)["retain"] == 56 * 29
    assert made["request2"].files["forget"] == "requests/request2"
    one = {"one": {"kind": "partial", "choice": "complete", "authors": 1}}
    few = overlay(splits=[*one], split_settings=one, evaluation={"items": {"forget": 39}})
    few["requests"] = asked
    assert "39 of 40 forget rows of request2 would leave out rows with" in message(written(few))


def test_a_figure_by_modality_needs_pictures():
    asked = {"pool": 4, "asked": [1], "methods": ["npo"]}
    figures = {"figures": ["request_modalities"], "requests": asked}
    assert "shows what world.pictures adds" in message(written(figures))
    check(configured(overlay(**figures)))
