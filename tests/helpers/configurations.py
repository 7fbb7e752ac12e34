"""The default configuration, and others laid over it."""

import copy

import yaml

from helpers.workflow_folder import ROOT

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def laid_over(base: dict, overlay: dict) -> dict:
    """Mappings merge, all else replaces."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = laid_over(base[key], value) if both else value
    return merged


def configured(overlay: dict | None = None) -> dict:
    return laid_over(copy.deepcopy(DEFAULT), overlay or {})
