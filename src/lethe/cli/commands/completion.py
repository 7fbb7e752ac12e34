"""``lethe completion``: tab completion for a shell."""

import argparse
from collections.abc import Callable

from lethe.common.errors import LetheError

SHELLS = ("bash", "zsh", "fish")


def add(commands, parser: Callable[[], argparse.ArgumentParser]) -> None:
    completion = commands.add_parser("completion", help="a script of tab completion for a shell")
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(run=lambda options: run(options, parser()))


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Print the script: subcommands, options and, where a value is a file, files."""
    try:
        import shtab
    except ImportError:
        raise LetheError("completion: shtab is not installed; pip install shtab") from None

    _complete_values(parser)
    print(shtab.complete(parser, options.shell))


def _complete_values(parser: argparse.ArgumentParser) -> None:
    """Complete values that are files or plug-ins."""
    import shtab

    from lethe.cli.arguments import place
    from lethe.pipeline import workflow_files
    from lethe.unlearn import methods

    known = {"--method": methods.names(), "--preset": workflow_files.presets()}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _complete_values(inner)
        elif action.type is place:
            action.complete = shtab.FILE
        for option in action.option_strings:
            if option in known:
                action.choices = known[option]
