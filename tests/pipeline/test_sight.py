"""Worlds with pictures need models that see, and methods and suites that work on pictures."""

import pytest
from helpers.configurations import configured, message

from lethe.pipeline.config.check import check


def overlay(architecture, **more):
    own = {"base_checkpoint": None, "base_recipe": None, "architecture": architecture}
    return {"world": {"pictures": {}}, "model_settings": {"tiny": own}, **more}


SEEING = {"name": "llava", "hidden_size": 64, "layers": 2}


def test_a_model_that_sees_is_accepted():
    check(configured(overlay(SEEING)))


def test_a_model_of_text_alone_is_refused():
    assert message({"world": {"pictures": {}}}) == (
        "config: world.pictures: tiny reads text alone; name a model that sees (architecture "
        "llava), or set world.pictures to null"
    )


@pytest.mark.parametrize("name", ["eco", "asru", "icul"])
def test_methods_that_do_not_see_are_refused(name):
    assert message(overlay(SEEING, methods=[name])) == (
        f"config: methods: {name}: does not work on rows with pictures; leave it out"
    )
