"""Whether Snakemake can start jobs with this Python, whose path it does not quote."""

import shlex
import sys
from collections.abc import Collection

from lethe.common.errors import LetheError


def check(deployment: Collection = (), executable: str = sys.executable) -> None:
    """LetheError if the path of Python has a space or another special character of the shell.

    ``deployment``: how jobs get their software; with conda or containers they use that Python.
    """
    if not deployment and shlex.quote(executable) != executable:
        raise LetheError(
            f"{executable}: Snakemake cannot start jobs with a Python whose path has spaces or "
            "shell characters in it; move the environment, or make one elsewhere"
        )
