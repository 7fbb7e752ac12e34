"""Following a training: lines in its log and on screen, and TensorBoard on request."""

import importlib.util
import time
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.progress import Progress

# TensorBoard's folders mirror those of the logs.
LOGS = f"{paths.RESULTS}/logs"
FOLDER = f"{LOGS}/tensorboard"


def check(tracking: str | None) -> None:
    """Refuse a tracker that is not installed, before anything runs."""
    if tracking == "tensorboard" and importlib.util.find_spec("tensorboardX") is None:
        raise LetheError(
            "config: tracking: tensorboardX is not installed; pip install 'lethe-lab[tracking]', "
            "or set it to null"
        )


def follow(label: str, log: str, tracking: str | None) -> Progress:
    """What a training of a job calls after each step; ``log`` is the job's."""
    if tracking is None:
        return Progress(label)
    return TensorBoard(label, Path(FOLDER, Path(log).relative_to(LOGS)).with_suffix(""))


class TensorBoard(Progress):
    """Progress whose loss and speed are scalars in a folder, by step."""

    def __init__(self, label: str, folder: Path):
        super().__init__(label)
        self.folder, self.writer = folder, None
        self.before = time.monotonic()

    def __call__(self, step: int, steps: int, loss: float | None = None) -> None:
        """As ``Progress``; hides what an earlier run wrote for this step and later ones."""
        super().__call__(step, steps, loss)
        if self.writer is None:
            from tensorboardX import SummaryWriter

            self.writer = SummaryWriter(str(self.folder), purge_step=step)
        now = time.monotonic()
        if loss is not None:
            self.writer.add_scalar("loss", loss, step)
        self.writer.add_scalar("seconds_per_step", now - self.before, step)
        self.before = now
        if step == steps:
            self.writer.close()
