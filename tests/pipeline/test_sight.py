"""Worlds with pictures need models that see, and methods and suites that work on pictures."""

import pytest
from helpers import made_pictures, seeing_families
from helpers.configurations import configured

from lethe.common.errors import LetheError
from lethe.pipeline.config.check import check


def overlay(architecture, **more):
    own = {"base_checkpoint": None, "base_recipe": None, "architecture": architecture}
    return {"world": {"pictures": {}}, "model_settings": {"tiny": own}, **more}


SEEING = {"name": "llava", "hidden_size": 64, "layers": 2}


def test_a_model_that_sees_is_accepted():
    check(configured(overlay(SEEING)))


def test_a_model_of_text_alone_is_refused():
    with pytest.raises(LetheError, match=r"^config: world\.pictures: tiny reads text alone"):
        check(configured({"world": {"pictures": {}}}))


@pytest.mark.parametrize("name", ["eco", "icul"])
def test_methods_that_do_not_see_are_refused(name):
    with pytest.raises(LetheError, match=f"^config: methods: {name}: does not work on rows"):
        check(configured(overlay(SEEING, methods=[name])))


def published(folder, model):
    world = {"provider": "mllmu_bench", "path": str(folder), "subset": ["forget_5"]}
    world |= {"authors": 2, "holdout_authors": 0, "perturbed_retain_authors": 1}
    return configured(
        {
            "world": world,
            "splits": ["published"],
            "metrics": ["ppu_generation"],
            "methods": ["grad_diff"],
            "figures": [],
            "model_settings": {"tiny": model},
        }
    )


def test_a_published_world_with_pictures_needs_a_model_that_sees(tmp_path):
    made_pictures.save(tmp_path / "forget_5", made_pictures.mllmu_rows([("1", "Ada Roe")]))
    made_pictures.save(tmp_path / "retain_95", made_pictures.mllmu_rows([("2", "Bo Lind")]))
    with pytest.raises(LetheError, match=r"^config: world\.provider: tiny reads text alone") as one:
        check(published(tmp_path, {}))
    assert "\n" not in str(one.value)
    seeing_families.save("qwen2_vl", tmp_path / "qwen")
    given = {"base_checkpoint": str(tmp_path / "qwen"), "base_recipe": None, "architecture": None}
    check(published(tmp_path, given))
