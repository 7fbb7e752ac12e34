"""A process that has loaded what takes long to load; each command of Python is a fork of it.

Loading Snakemake takes longer than a dry run of a small world, and loading a Llama of transformers
longer than training a small one. Lethe itself is never loaded here: a fork finds it in the folder
in which it works, as a process of its own would.

Each line on standard input asks for one command: the folder, Python's arguments, the environment,
the umask and the file for what it prints. Two lines answer: the fork's process id, then its exit
code. Started with the word ``jobs``, it has loaded what jobs need, too, and the jobs of Snakemake
are forks as well (forked_jobs). Rules are translated once (translated_rules).
"""

import atexit
import gc
import importlib
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import translated_rules
from snakemake import cli

# What dry runs load.
PLANNING = ("jsonschema", "nbformat", "pydantic", "smart_open", "snakemake.workflow", "yaml")
# What jobs and commands load.
JOBS = (
    "accelerate",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.figure",
    "matplotlib.style",
    "numpy",
    "openai",
    "pandas",
    "peft",
    "rouge_score.rouge_scorer",
    "safetensors.torch",
    "scipy.cluster.vq",
    "scipy.spatial.distance",
    "scipy.stats",
    "tabulate",
    "tokenizers",
    "torch",
    "transformers",
    "transformers.masking_utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "xxhash",
)


def start(arguments: list[str]) -> None:
    """Go on as ``python`` with these arguments, to its end.

    Python takes everything apart that was loaded before it ends, which takes longer here than most
    jobs do: a program that ends well ends at once.
    """
    code: object = 0
    try:
        _start(arguments)
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            raise
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code & 0xFF)


def _start(arguments: list[str]) -> None:
    """Of the module Snakemake, a text or a script."""
    # What a library asked for at its import, from the server's environment.
    tempfile.tempdir = None
    kind, *rest = arguments
    if kind == "-m":
        assert rest[0] == "snakemake"
        sys.path[0], sys.argv = os.getcwd(), [cli.__file__, *rest[1:]]
        cli.main(rest[1:])
    elif kind == "-c":
        sys.path[0], sys.argv = "", ["-c", *rest[1:]]
        _main(rest[0], "<string>")
    else:
        sys.path[0], sys.argv = os.path.dirname(kind), arguments
        with open(kind, encoding="utf-8") as file:
            _main(file.read(), kind)


def _main(text: str, name: str) -> None:
    """Run a program's text as the main module."""
    module = ModuleType("__main__")
    if name != "<string>":
        module.__file__ = name
    sys.modules["__main__"] = module
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)


def serve(asked: IO[str], answers: IO[str], jobs: bool) -> None:
    """Answer until nobody can ask any more."""
    for line in asked:
        child = os.fork()
        if not child:
            asked.close()
            answers.close()
            run(**json.loads(line), jobs=jobs)
        print(child, file=answers, flush=True)
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def run(
    folder: str,
    arguments: list[str],
    environment: dict[str, str],
    umask: int,
    printed: str,
    jobs: bool,
) -> None:
    """Run one command, to the end of this process."""
    file = os.open(printed, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if umask != -1:
        os.umask(umask)
    if jobs and arguments[0] == "-m" and "-n" not in arguments:
        import forked_jobs

        forked_jobs.fork_jobs(start)
    start(arguments)


def threads() -> list[str]:
    """Names of the threads beside the main one, but for that of pyarrow's allocator, which a fork
    starts anew when it needs one. A thread gives itself its name: a new one gets time to do so."""
    for _ in range(500):
        tasks = sorted(Path("/proc/self/task").iterdir(), key=lambda task: int(task.name))
        names = [(task / "comm").read_text().strip() for task in tasks[1:]]
        others = [name for name in names if name != "jemalloc_bg_thd"]
        if not others:
            return []
        time.sleep(0.02)
    return others


def main(jobs: bool) -> None:
    # The entry points of its plug-ins are loaded by the parser of its arguments.
    cli.get_argument_parser()
    for name in PLANNING + (JOBS if jobs else ()):
        importlib.import_module(name)
    translated_rules.remember()
    if jobs:
        # A table that the first model to be loaded asks for takes longer than loading a small one.
        importlib.import_module(
            "transformers.conversion_mapping"
        ).get_checkpoint_conversion_mapping("llama")
    assert not threads(), f"forks would lack threads that libraries have started: {threads()}"
    # What is loaded lies on pages that the forks should not have to copy.
    gc.collect()
    gc.freeze()
    # Not the streams that the forks print to and read from.
    asked: Any = os.fdopen(os.dup(0), encoding="utf-8")
    answers: Any = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    os.close(nothing)
    serve(asked, answers, jobs)


if __name__ == "__main__":
    main("jobs" in sys.argv[1:])
