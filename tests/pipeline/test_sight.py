"""Worlds with pictures need models that see, and methods and suites that work on pictures."""

import pytest
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


@pytest.mark.parametrize("name", ["eco", "asru", "icul"])
def test_methods_that_do_not_see_are_refused(name):
    with pytest.raises(LetheError, match=f"^config: methods: {name}: does not work on rows"):
        check(configured(overlay(SEEING, methods=[name])))
