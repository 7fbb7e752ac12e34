"""The default configuration, and others laid over it."""

import copy

import pytest
import yaml

from helpers.workflow_folder import ROOT
from lethe.common.errors import LetheError
from lethe.pipeline.config.check import check
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.load import build, laid_over

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def written(overlay: dict | None = None) -> dict:
    """The default configuration's file with an overlay, as plain values."""
    return laid_over(copy.deepcopy(DEFAULT), overlay or {})


def configured(overlay: dict | None = None) -> Config:
    return build(written(overlay))


def message(values: dict) -> str:
    """The one line by which values are refused."""
    with pytest.raises(LetheError) as caught:
        check(build(values))
    assert "\n" not in str(caught.value)
    return str(caught.value)
