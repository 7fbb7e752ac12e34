"""Arguments of the command line: typed values, each option at most once, one-line errors."""

import argparse
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from lethe.common.devices import DEVICE
from lethe.common.errors import LetheError
from lethe.unlearn.need import Checkpoint, Need
from lethe.unlearn.needs import from_source

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
DIGITS = re.compile(r"[-+]?[0-9]{1,18}")
MOST = 2**31 - 1
# The largest seed that torch's generators accept.
MOST_SEED = 2**63 - 1

# Commands on a folder have no configuration, and so none of its ``split_settings``.
SPLIT = (
    "the split to be forgotten: forget01 to forget99, a kind without settings, or a name that the "
    "folder has the files of (NAME.json, NAME_retain.json, ...)"
)

# The configuration's names in the library's messages, and their names on the command line:
# anywhere in a message, and as the key at its beginning.
PHRASES = {
    "set template.system to null": "pass --system ''",
    "set max_length to": "set --max-length to",
    "template.system": "--system",
    "template.variables.": "--variable ",
    "template.variables": "--variable",
    "compute.device": "--device",
    "compute.lora": "--compute lora",
}
BEGINNINGS = {
    "metrics": "--metrics",
    "suites": "--suite-set",
    "template": "--template",
    "max_length": "--max-length",
    "splits": "--split",
    "methods": "--method",
    "attention": "--compute attention",
    "data": "--data",
    "supervision": "--supervision",
    "budget": "--budget",
    "probes": "--probes",
    "lm_eval.tasks": "--tasks",
    "lm_eval.include_path": "--include-path",
    "lm_eval.chat": "--chat",
}


def checkpoints() -> list[Need]:
    """The needs of methods that are checkpoints; the option that names one is called as it is."""
    return from_source(Checkpoint)


class Once(argparse.Action):
    """Stores a value and refuses an option that is given twice, of which the second would win."""

    def __call__(self, parser, namespace, values, option_string=None):
        given = vars(namespace).setdefault("given", set())
        if self.dest in given:
            raise argparse.ArgumentError(self, "given twice; give it once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """Raises LetheError for an option's wrong value; a wrong call is one line and exit status 2."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        for name in (None, "store"):
            self.register("action", name, Once)

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        named = re.fullmatch(r"argument (-[^:]*): (.*)", line)
        if named:
            raise LetheError(f"{named[1]}: {named[2]}")
        self.exit(2, f"error: {line}; see {self.prog} --help\n")


def whole(low: int, high: int = MOST) -> Callable[[str], int]:
    """An argparse type: a whole number from ``low`` to ``high``.

    It must be written plainly, because 010 is 8 to some and 10 to others.
    """

    def read(text: str) -> int:
        if not WHOLE.fullmatch(text):
            plainly = f"; write {int(text)}" if DIGITS.fullmatch(text) else ""
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number{plainly}")
        if len(text) > len(str(high)) + 1 or int(text) > high:
            raise argparse.ArgumentTypeError(f"{text[:40]} is above {high}")
        if int(text) < low:
            raise argparse.ArgumentTypeError(f"{text} is {_below(low)}")
        return int(text)

    return read


def _below(low: int) -> str:
    return "not above 0" if low == 1 else f"below {low}"


def share(text: str) -> float:
    """A number above 0, up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a number; write one above 0, up to 1"
        )
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{value} is {'above 1' if value > 0 else 'not above 0'}")
    return value


def seed(text: str) -> int:
    return whole(0, MOST_SEED)(text)


def threads(text: str) -> int:
    """A number of threads. More than any machine's cores is a slip, but would really be started."""
    return whole(1, 1024)(text)


def device(text: str) -> str:
    """A device name of torch's; whether the device exists is checked once torch is loaded."""
    if not re.fullmatch(DEVICE, text):
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a device; write auto, cpu, mps, cuda or cuda:NUMBER"
        )
    return text


def place(text: str) -> str:
    """A file, a folder or a hub id; not empty, as from an unset variable of the shell."""
    if not text.strip():
        raise argparse.ArgumentTypeError("empty; name a file or a folder")
    return text


@contextmanager
def by_options() -> Iterator[None]:
    """Make errors name the command line's options instead of configuration keys."""
    try:
        yield
    except LetheError as error:
        raise LetheError(with_options(str(error))) from error


def with_options(message: str) -> str:
    """A message of the library in the command line's terms."""
    for key, option in PHRASES.items():
        message = re.sub(rf"(?<![\w./-]){re.escape(key)}", lambda _, new=option: new, message)
    key, colon, rest = message.partition(": ")
    options = BEGINNINGS | {need.name: f"--{need.name}" for need in checkpoints()}
    return f"{options[key]}{colon}{rest}" if key in options else message
