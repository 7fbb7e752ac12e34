"""``lethe run``: the workflow, in the current folder."""

import argparse
import os
import sys
from typing import NoReturn

from lethe.cli.arguments import place
from lethe.pipeline import workflow_files
from lethe.pipeline.config.strict_yaml import check_files

# With one of these, the number of parallel jobs is already given, or a scheduler decides it.
OF_CORES = ("-c", "--cores", "-j", "--jobs", "-e", "--executor", "--profile", "--workflow-profile")


def add(commands) -> None:
    run_ = commands.add_parser(
        "run",
        help="run the workflow in this folder; takes Snakemake's options, too",
        description="Run the workflow; results go to results/ in this folder. All options not "
        "named below are Snakemake's: files and rules to make, -n, --cores N (else all), --report "
        "FILE, --workflow-profile slurm (see snakemake --help).",
        # Otherwise --pre, a prefix of one of Snakemake's options, would be taken for --preset.
        allow_abbrev=False,
    )
    run_.add_argument(
        "--preset",
        action="append",
        default=[],
        metavar="NAME",
        help="a preset by name, such as smoke; may be repeated",
    )
    run_.add_argument(
        "--configfile",
        nargs="+",
        type=place,
        default=[],
        metavar="FILE",
        help="configuration laid over the defaults and the presets",
    )
    run_.set_defaults(run=run, takes_more=True)


def run(options: argparse.Namespace) -> NoReturn:
    """Become Snakemake; LetheError for a configuration file that is missing or not valid YAML."""
    # Snakemake reads these files before the Snakefile, and ends with a traceback if one is missing.
    check_files(options.configfile)
    command = snakemake(options.preset, options.configfile, options.more)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)


def snakemake(presets: list[str], files: list[str], more: list[str]) -> list[str]:
    """The command that runs the workflow; LetheError for an unknown preset."""
    laid = [*(str(workflow_files.preset(name)) for name in presets), *files]
    command = [sys.executable, "-m", "snakemake", *(["--configfile", *laid] if laid else [])]
    if not any(_is_option(word, option) for word in more for option in OF_CORES):
        command += ["--cores", "all"]
    # Follows an option with one value, so that files to make are not read as configuration files.
    return [*command, "--snakefile", str(workflow_files.root() / "Snakefile"), *more]


def _is_option(word: str, option: str) -> bool:
    """Whether a word is an option, perhaps with its value (``--cores=2``, ``-c2``)."""
    if option.startswith("--"):
        return word.partition("=")[0] == option
    return word.startswith(option)
