"""Whether the tasks of lm-evaluation-harness can be asked, and by which runs."""

import re
from collections.abc import Collection
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate import harness
from lethe.pipeline import splits
from lethe.pipeline.config.config import Config

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def check(config: Config) -> None:
    """LetheError, before any job, for what cannot be asked or read."""
    asked = config.lm_eval
    if not asked.tasks:
        if asked.files:
            raise LetheError("config: lm_eval.files: name the tasks to read from them in tasks")
        return
    roles = [role for split in splits.of_config(config).values() for role in split.roles]
    known = ["base", "full", *dict.fromkeys(roles), *config.methods]
    for run in asked.runs or ():
        if run not in known:
            raise LetheError(f"config: lm_eval.runs: {run} is not a run{suggest(run, known)}")
    for label, file in asked.files.items():
        _check_file(label, file, asked.tasks, known)
    if is_asked(config):
        harness.check_installed()
        harness.check_folder(asked.include_path)


def check_deployment(config: Config, deployment: Collection) -> None:
    """LetheError if jobs run in an environment that has no harness.

    ``deployment``: how jobs get their software; empty where they use Snakemake's own Python.
    """
    if deployment and is_asked(config):
        raise LetheError(
            "config: lm_eval: environments of conda and containers do not have the harness; run "
            "without them, or set lm_eval.runs to [] and name result files"
        )


def is_asked(config: Config) -> bool:
    """Whether any run is asked the harness's tasks here."""
    return bool(config.lm_eval.tasks) and config.lm_eval.runs != []


def _check_file(label: str, file: str, tasks: list[str], known: list[str]) -> None:
    if label in known or not _LABEL.fullmatch(label):
        raise LetheError(
            f"config: lm_eval.files: {label!r} is a run's name or no plain word; choose another"
        )
    if not Path(file).is_file():
        raise LetheError(f"config: lm_eval.files.{label}: {file} is not a file")
    harness.read_scores(file, tasks)
