"""A process in which Snakemake is loaded once; each dry run is a fork of it.

Loading Snakemake takes longer than a dry run of a small world. Lethe itself is never loaded here: a
fork finds it in the folder that it plans, as a process of its own would.

Each line on standard input asks for one run: the folder, the arguments, the environment and the
file for what it prints. Two lines answer: the fork's process id, then its exit code.
"""

import json
import os
import sys
from typing import IO, Any

import jsonschema  # noqa: F401 - what dry runs load; loaded here, so that the forks need not
import nbformat  # noqa: F401
import smart_open  # noqa: F401
from snakemake import cli, workflow  # noqa: F401


def serve(asked: IO[str], answers: IO[str]) -> None:
    """Answer until nobody can ask any more."""
    for line in asked:
        child = os.fork()
        if not child:
            asked.close()
            answers.close()
            plan(**json.loads(line))
        print(child, file=answers, flush=True)
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def plan(folder: str, arguments: list[str], environment: dict[str, str], printed: str) -> None:
    """Run Snakemake as ``python -m snakemake`` in a folder would, to the end of this process."""
    file = os.open(printed, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.argv = [cli.__file__, *arguments]
    cli.main(arguments)
    sys.exit(0)


def main() -> None:
    # The entry points of its plug-ins are loaded by the parser of its arguments.
    cli.get_argument_parser()
    # Not the streams that the forks print to and read from.
    asked: Any = os.fdopen(os.dup(0), encoding="utf-8")
    answers: Any = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    serve(asked, answers)


if __name__ == "__main__":
    main()
