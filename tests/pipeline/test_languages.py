"""Languages that do not exist, or do not fit world, splits and metrics, are refused in one line."""

import pytest
from helpers.configurations import configured, message, written

from lethe.pipeline import languages, recipe
from lethe.pipeline.config.check import check

SPLITS = ["forget10_in_L0"]


def overlay(learned=("L1", "L2"), holdout=("L3",), splits=SPLITS, **more) -> dict:
    chosen = {"learned": list(learned), "holdout": list(holdout), **more.pop("chosen", {})}
    world = {"languages": chosen, **more.pop("world", {})}
    return {"world": world, "splits": list(splits), **more}


def test_a_world_with_languages():
    metrics = ["language_probability", "knowledge_spread"]
    config = configured(overlay(metrics=metrics, figures=[]))
    check(config)
    assert languages.of_base(config.world) == ["L1", "L2", "L3"]
    assert languages.of_base(configured(overlay(chosen={"base": ["L1"]})).world) == ["L1"]
    check(configured(overlay(splits=["forget10_in_L0_L2"])))


def test_a_shipped_base_has_not_met_them():
    assert "has not met" in recipe.difference(configured(overlay()), "tiny")
    assert languages.of_base(configured().world) == []


def test_variants_may_be_in_another_language():
    kinds = {"suite_settings": {"variants": {"kinds": "another_language"}}, "metrics": ["variants"]}
    check(configured(overlay(**kinds, figures=[])))
    assert "workflow's worlds do not have" in message(written(kinds))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (overlay(learned=["L4"]), "unknown language 'L4'; there are L1, L2, L3"),
        (overlay(holdout=["L2"]), "holdout: L2 is among those learned as well"),
        (overlay(learned=["L0", "L1"]), "L0 is the world's own language"),
        (overlay(holdout=["holdout"]), "would be mistaken for the hold-out languages"),
        (overlay(holdout=["l1"]), "'L1' and 'l1' differ only in capitals; keep one"),
        (overlay(splits=["forget10"]), "the oracle of forget10 would learn L0 alone"),
        (overlay(splits=["forget10_in_L3"]), "gives L3, a hold-out language"),
        (overlay(splits=["forget10_in_L5"]), "forget10_in_L5: unknown language 'L5'"),
        (
            overlay(meta_evaluation={"enabled": True}, attacks=["relearned", "quantised4"]),
            "meta_evaluation: the models of its pools",
        ),
        (overlay(world={"traces": {}}), "a world with reasoning traces has one language"),
        (overlay(learned=[], holdout=[]), "the world has only L0; name others"),
        (overlay(chosen={"base": ["L5"]}), "base: 'L5' is not one of this world's"),
        (overlay([], [], ["forget10"], chosen={"base": ["L1"]}), "learned and holdout name none"),
        ({"metrics": ["language_probability"]}, "language_probability is for several languages"),
        (overlay(metrics=["knowledge_spread"]), "knowledge_spread needs language_probability"),
        (
            overlay(world={"perturbed_retain_authors": 55}),
            "more than the 54 authors that forget10_in_L0 retains",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    assert said in message(written(changes))


def test_published_data_bring_their_translations(tmp_path):
    world = {"provider": "tofu", "path": str(tmp_path), "authors": 200}
    assert f"{tmp_path}/translations.json: no translations" in message(
        written(overlay(world=world))
    )
    assert "the hub: no translations" in message(written(overlay(world=world | {"path": None})))
    (tmp_path / "translations.json").write_text(
        '{"question": "q", "answer": "a", "language": "de", "original_question": "Q",'
        ' "original_answer": "A"}\n'
    )
    assert "has no language 'L1'" in message(written(overlay(world=world)))
