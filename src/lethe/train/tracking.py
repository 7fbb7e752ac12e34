"""Following a training: lines in its log and on screen, and a tracker on request.

TensorBoard's files are written here. Other trackers (Weights & Biases, MLflow, Comet) are those of
accelerate, each with its own package, and take addresses and keys from the environment alone.
"""

import importlib.util
import netrc
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.progress import Progress

# TensorBoard's folders mirror those of the logs.
LOGS = f"{paths.RESULTS}/logs"
FOLDER = f"{LOGS}/tensorboard"
PROJECT = "lethe"
WANDB_HOST = "api.wandb.ai"
# Modes of wandb in which nothing is sent.
WANDB_LOCAL = ("offline", "disabled", "dryrun")


@dataclass(frozen=True)
class Tracker:
    """A tracker's package, how to install it, and what it lacks (None: it can begin)."""

    package: str
    install: str
    lacks: Callable[[], str | None]


def _wandb_lacks() -> str | None:
    if os.environ.get("WANDB_MODE") in WANDB_LOCAL or os.environ.get("WANDB_API_KEY"):
        return None
    try:
        known = netrc.netrc().authenticators(WANDB_HOST) is not None
    except (OSError, netrc.NetrcParseError):
        known = False
    return None if known else "set WANDB_API_KEY, or WANDB_MODE=offline"


def _mlflow_lacks() -> str | None:
    known = os.environ.get("MLFLOW_TRACKING_URI")
    return None if known else "set MLFLOW_TRACKING_URI, such as sqlite:///mlflow.db"


def _comet_lacks() -> str | None:
    known = os.environ.get("COMET_API_KEY") or (Path.home() / ".comet.config").exists()
    return None if known else "set COMET_API_KEY"


TRACKERS = {
    "tensorboard": Tracker("tensorboardX", "'lethe-lab[tracking]'", lambda: None),
    "wandb": Tracker("wandb", "wandb", _wandb_lacks),
    "mlflow": Tracker("mlflow", "mlflow", _mlflow_lacks),
    "comet_ml": Tracker("comet_ml", "comet_ml", _comet_lacks),
}


def check(tracking: str | None, deployment: Collection = ()) -> None:
    """Refuse a tracker that is not installed or lacks a key, before anything runs.

    ``deployment``: how jobs get their software; empty where they use Snakemake's own Python.
    """
    if tracking is None:
        return
    tracker = TRACKERS[tracking]
    if deployment and tracking != "tensorboard":
        raise LetheError(
            f"config: tracking: environments of conda and containers do not have "
            f"{tracker.package}; run without them, or set it to tensorboard or null"
        )
    if importlib.util.find_spec(tracker.package) is None:
        raise LetheError(
            f"config: tracking: {tracker.package} is not installed; pip install "
            f"{tracker.install}, or set it to null"
        )
    lacks = tracker.lacks()
    if lacks is not None:
        raise LetheError(f"config: tracking: {tracking} cannot begin; {lacks}")


def follow(label: str, log: str, tracking: str | None) -> Progress:
    """What a training of a job calls after each step; ``log`` is the job's."""
    if tracking is None:
        return Progress(label)
    run = Path(log).relative_to(LOGS).with_suffix("")
    if tracking == "tensorboard":
        return TensorBoard(label, Path(FOLDER, run))
    return Tracked(label, tracking, run.as_posix())


class _Followed(Progress, ABC):
    """Progress whose loss and speed go to a tracker, by step."""

    def __init__(self, label: str):
        super().__init__(label)
        self.begun = False
        self.before = time.monotonic()

    def __call__(self, step: int, steps: int, loss: float | None = None) -> None:
        super().__call__(step, steps, loss)
        if not self.begun:
            self.begun = True
            self.begin(step)
        now = time.monotonic()
        scalars = {} if loss is None else {"loss": loss}
        self.send(scalars | {"seconds_per_step": now - self.before}, step)
        self.before = now
        if step == steps:
            self.end()

    @abstractmethod
    def begin(self, step: int) -> None:
        """Called before the first step that is sent."""

    @abstractmethod
    def send(self, scalars: dict[str, float], step: int) -> None:
        """Called after each step."""

    @abstractmethod
    def end(self) -> None:
        """Called after the last step."""


class TensorBoard(_Followed):
    """Scalars in a folder; those that an earlier run wrote for the same steps are hidden."""

    def __init__(self, label: str, folder: Path):
        super().__init__(label)
        self.folder = folder
        self.writer: Any = None

    def begin(self, step: int) -> None:
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(self.folder), purge_step=step)

    def send(self, scalars: dict[str, float], step: int) -> None:
        for name, value in scalars.items():
            self.writer.add_scalar(name, value, step)

    def end(self) -> None:
        self.writer.close()


class Tracked(_Followed):
    """Scalars for one of accelerate's trackers; a training that is resumed is a run of its own.

    ``run``: the training's place, such as ``default/tiny/forget10/npo/seed0_unlearn``.
    """

    def __init__(self, label: str, tracking: str, run: str):
        super().__init__(label)
        self.tracking, self.run = tracking, run
        self.tracker: Any = None

    def begin(self, step: int) -> None:
        from accelerate import PartialState
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        # accelerate's trackers ask it which process is the main one.
        PartialState()
        kind = LOGGER_TYPE_TO_CLASS[self.tracking]
        own = {
            # In Lethe's own folder: wandb would make one beside the Snakefile.
            "wandb": {"name": self.run, "group": self.run, "dir": LOGS},
            "mlflow": {"run_name": self.run},
        }
        # MLflow's class and Comet's package read their variables themselves.
        project = os.environ.get("WANDB_PROJECT", PROJECT) if self.tracking == "wandb" else PROJECT
        self.tracker = kind(project, **own.get(self.tracking, {}))
        self.tracker.start()
        self.tracker.store_init_configuration({"run": self.run, "first_step": step})

    def send(self, scalars: dict[str, float], step: int) -> None:
        self.tracker.log(scalars, step=step)

    def end(self) -> None:
        self.tracker.finish()
