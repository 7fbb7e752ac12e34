"""The command line ``lethe``: the library's calls without Snakemake."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lethe import __version__
from lethe.cli.arguments import Parser, place
from lethe.cli.commands import (
    audit,
    certify,
    claims,
    compare,
    completion,
    evaluate,
    forget,
    leaderboard,
    lm_eval,
    methods,
    muse_logs,
    plan,
    push,
    run,
    suggest,
    tofu_logs,
    unlearn,
    verify,
)
from lethe.common.errors import LetheError

# A shell's exit status for a program that a signal ended: 128 plus the signal's number.
INTERRUPTED, NOBODY_READS, TERMINATED = 130, 141, 143


class _Terminated(BaseException):
    """Somebody sent SIGTERM."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command; an error is one line and exit status 1."""
    try:
        with _terminable():
            _run(arguments)
    except LetheError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:
        # As in `lethe methods | head`: the output still buffered has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOBODY_READS)
    except OSError as error:
        named = "" if error.filename is None else f"{error.filename}: "
        sys.exit(f"error: {named}{error.strerror or error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except _Terminated:
        print("terminated", file=sys.stderr)
        sys.exit(TERMINATED)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does, so that no temporary file stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _terminate(number, frame) -> None:
    raise _Terminated


def _run(arguments: list[str] | None) -> None:
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show a character shows an escape instead.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _parser()
    options, more = parser.parse_known_args(arguments)
    if more and not options.takes_more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    options.more = more
    options.run(options)
    if sys.stdout is not None:
        sys.stdout.flush()


def _parser() -> Parser:
    parser = Parser(prog="lethe", description="A laboratory for unlearning.")
    parser.add_argument("--version", action="version", version=f"lethe {__version__}")
    # Whether a command passes unknown arguments on to another program.
    parser.set_defaults(takes_more=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    audit.add(commands)
    bring = commands.add_parser(
        "bring", help="copy results and their provenance from a folder or a store"
    )
    bring.add_argument(
        "source", type=place, help="a working folder of Lethe's, or s3://…, file://…"
    )
    bring.add_argument("--only", nargs="+", default=[], help="results, or folders of results")
    bring.set_defaults(run=_bring)
    certify.add(commands)
    claims.add(commands)
    compare.add(commands)
    completion.add(commands, _parser)
    evaluate.add(commands)
    forget.add(commands)
    leaderboard.add(commands)
    lm_eval.add(commands)
    _add_world(commands)
    tofu_logs.add(commands)
    methods.add(commands)
    muse_logs.add(commands)
    plan.add(commands)
    push.add(commands)
    run.add(commands)
    share = commands.add_parser("share", help="copy results and their provenance to a store")
    share.add_argument("address", type=place, help="s3://…, or file:///… for a shared folder")
    share.add_argument("--only", nargs="+", default=[], help="results, or folders of results")
    share.set_defaults(run=_share)
    suggest.add(commands)
    unlearn.add(commands)
    verify.add(commands)
    return parser


def _add_world(commands) -> None:
    world = commands.add_parser("world", help="make a world in a folder, or estimate what it takes")
    world.add_argument(
        "--configfile", nargs="+", type=place, default=[], help="presets, as for snakemake"
    )
    world.add_argument("--out", type=place, help="the folder to make it in")
    world.add_argument("--dry-run", action="store_true", help="only the estimate; nothing is sent")
    world.set_defaults(run=_world)


def _bring(options: argparse.Namespace) -> None:
    from lethe.pipeline import store
    from lethe.pipeline.bring import bring

    take = store.bring_from if store.is_address(options.source) else bring
    count = take(options.source, only=options.only)
    print(f"{count} results brought, with their provenance")


def _share(options: argparse.Namespace) -> None:
    from lethe.pipeline import store

    if not store.is_address(options.address):
        raise LetheError(
            f"{options.address}: not an address; write s3://…, or file:///… for a folder"
        )
    count = store.share(options.address, only=options.only)
    print(f"{count} results sent, with their provenance")


def _world(options: argparse.Namespace) -> None:
    from lethe.cli.world import run

    run(options.configfile, options.out, options.dry_run)
