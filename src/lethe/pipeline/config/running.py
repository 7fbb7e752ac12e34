"""How jobs run and which checkpoints stay: ``threads``, ``compute``, ``checkpoints``."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.common.devices import DEVICE
from lethe.pipeline.config.keys import Count, Section, key

JOBS = "the jobs of that kind, then everything after them"
NOTHING = "nothing"

Threads = Annotated[int, Field(ge=1, le=1024)]


class ThreadCounts(Section):
    """Torch's threads in each kind of job: the last digit of results depends on them."""

    base: Threads = key(
        2,
        "for `base`; on a CPU each is a process ([training.md](training.md#device-and-processes))",
        JOBS,
    )
    train: Threads = key(1, "for `train_full` and `train_retain`", JOBS)
    unlearn: Threads = key(1, "for methods and attacks", JOBS)
    collect: Threads = key(1, "for evaluations", JOBS)


class Running(Section):
    """How trainings run; nothing here changes a result beyond rounding."""

    save_seconds: Annotated[float, Field(ge=0)] | None = key(
        600,
        "seconds between saves of a training's state; 0: after every step; null: only when "
        "asked to end",
        NOTHING,
    )
    device: str = key(
        "auto",
        "where models compute; `auto`: a GPU if there is one",
        NOTHING,
        "`auto`, `cpu`, `cuda`, `cuda:NUMBER`, `mps`",
        pattern=f"^({DEVICE})$",
    )
    processes: Count = key(
        1, "processes of each training and evaluation; on GPUs one per GPU", NOTHING
    )
    sharding: Literal["none", "fsdp"] = key(
        "none",
        "whether a training's processes share its model, each holding a part; `fsdp` needs "
        "processes above 1, and all weights trained",
        NOTHING,
    )
    microbatch_tokens: Count | None = key(
        4096,
        "padded tokens in a micro-batch of an optimiser step, which bound its memory; null: steps "
        "are never divided",
        NOTHING,
    )


class Checkpoints(Section):
    """Which checkpoints stay after evaluation."""

    keep: Literal["all", "last", "best", "none"] | None = key(
        None,
        "which checkpoints of methods stay: those of all epochs, of the last one, of the best one "
        "([comparison.md](comparison.md)) in the run's folder `best`, or `none`, not even those "
        "of oracles; null: all, if that is below 50 GB",
        NOTHING,
    )
    protect: bool = key(
        False,
        "those that stay are made read-only; a job that would replace one is refused until you "
        "delete it (root may write to all files, and is not refused)",
        NOTHING,
    )
