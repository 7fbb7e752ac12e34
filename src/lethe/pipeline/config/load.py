"""Building the configuration from files, or from the values that Snakemake has read and merged."""

from collections.abc import Mapping
from typing import Any

import yaml

from lethe.common.errors import LetheError
from lethe.common.numbers import plain_number
from lethe.pipeline import workflow_files
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.errors import validated_config
from lethe.pipeline.config.renamed import refuse_old_names
from lethe.pipeline.config.strict_yaml import Odd, read_config, strict
from lethe.unlearn import methods

# In ``methods``, this word stands for all unlisted methods.
ALL = "all"
WORDS = {"null": None, "true": True, "false": False}


def configuration(files: list[str]) -> Config:
    """``config/config.yaml`` overlaid with ``files``, as in the workflow."""
    merged: dict[str, Any] = {}
    for file in (workflow_files.defaults(), *files):
        merged = laid_over(merged, read_config(file))
    return build(merged)


def build(values: Mapping[str, Any]) -> Config:
    """The configuration from values as they come from files and command lines.

    LetheError, one line, for the first key that is wrong.
    """
    values = parsed(values)
    refuse_old_names(values)
    return validated_config(Config, with_all_methods(values))


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings; replace everything else."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged


def restore_empty(merged: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Set again, in place, what a file sets to {} where a file below it has null.

    Snakemake merges these to null, but {} means all defaults. ``above``: what was laid over.
    """
    for key, value in above.items():
        if isinstance(value, Mapping) and not value and merged.get(key, {}) is None:
            merged[key] = {}
        elif isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            restore_empty(merged[key], value)


def parsed(value: Any) -> Any:
    """Parse the texts that ``--config 'seeds=[0, 1]'`` passes on into the values they stand for."""
    if isinstance(value, Mapping):
        return {key: parsed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [parsed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    # Names, folders and other plain texts stay as they are, whatever YAML would make of them.
    if value in WORDS:
        return WORDS[value]
    number = plain_number(value)
    if number is not None:
        return number
    return _collection(value) if value[:1] in ("[", "{") else value


def _collection(text: str) -> Any:
    try:
        return parsed(strict(text))
    except Odd as error:
        raise LetheError(f"{text[:60]}: {error}") from None
    except yaml.YAMLError:
        return text


def with_all_methods(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with ``all`` in ``methods`` replaced by every method that is not listed.

    Methods for families other than causal models must be named.
    """
    listed = config.get("methods")
    if not isinstance(listed, list) or ALL not in listed:
        return dict(config)
    others = [name for name in methods.for_causal() if name not in listed]
    place = listed.index(ALL)
    return {**config, "methods": [*listed[:place], *others, *listed[place + 1 :]]}
