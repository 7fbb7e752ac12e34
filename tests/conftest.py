"""Settings of all tests."""

import gc
import os
from pathlib import Path

from helpers.broken_fixtures import BrokenFixtures
from helpers.own_needs import OwnNeeds

# Torch's waiting threads should sleep soon: tests share the machine. Set before torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Tests' runs are forks already (helpers.forked_runs); tests/workflow/test_forks.py asks for more.
os.environ["LETHE_PRELOAD"] = "no"

TESTS = Path(__file__).parent


def pytest_configure(config):
    # Libraries and thousands of tests are loaded, none of which is garbage: looking for some took a
    # third of that time.
    gc.disable()
    config.pluginmanager.register(BrokenFixtures())
    config.pluginmanager.register(OwnNeeds())


# The files that take longest, so that none of them begins when the others have ended. The second
# waits for no folder that the first makes.
LONGEST = (
    "workflow/test_paper.py",
    "workflow/test_smoke.py",
    "workflow/test_generated_world.py",
    "workflow/test_given_models.py",
    "workflow/test_endings.py",
    "workflow/test_reruns.py",
    "workflow",
    "cli/test_audit.py",
    "llm/test_faults.py",
    "report/figures",
    "train/test_several_processes.py",
    "world/synthetic/test_mixture.py",
)


def pytest_collection_modifyitems(items):
    """Files in the order in which processes should take them."""
    items.sort(key=lambda item: _place(item.path.relative_to(TESTS).as_posix()))


def pytest_collection_finish():
    """What is loaded stays, so that nobody looks through it again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _place(name: str) -> int:
    starts = (number for number, start in enumerate(LONGEST) if name.startswith(start))
    return next(starts, len(LONGEST))
