"""Whether Snakemake can start jobs with this Python, whose path it writes bare into commands."""

import shlex
import sys
from collections.abc import Collection

from lethe.common.errors import LetheError


def check(deployment: Collection = (), executable: str = sys.executable) -> None:
    """LetheError where the path of Python has a space or another sign of the shell's in it.

    ``deployment``: how jobs get their software; those of conda and of containers start its Python.
    """
    if not deployment and shlex.quote(executable) != executable:
        raise LetheError(
            f"{executable}: Snakemake cannot start jobs with a Python whose path has spaces or "
            "signs of the shell's in it; move the environment, or make one elsewhere"
        )
