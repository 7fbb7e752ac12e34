"""Publish in a process that dies at its first call of the system, then at its second, and so on.

Run in an empty folder. After each death the folder must be accepted, and the same job must end in
the same files; any fault is an exception. Prints how many calls it took and how many places of the
results there were at a death. For test_ledger.
"""

import os
import sys
from pathlib import Path

from lethe.pipeline.ledger import check, staged
from lethe.pipeline.ledger_files import RECORDS

OUTPUTS = ["weights", "config.json", "deep/tokenizer.json"]
NAMES = [f"results/w/tiny/base/{name}" for name in OUTPUTS]
# Modules whose functions, and whose objects' methods, reach the system.
SYSTEM = {"posix", "io", "_io", "fcntl"}


def publish(text: str) -> None:
    with staged(NAMES[0]) as stage:
        for name in NAMES:
            stage(name).write_text(f"{text} {name}\n")


def module_of(function) -> str:
    return getattr(function, "__module__", None) or type(function.__self__).__module__


def dying_at(fatal: int):
    """A profile function that ends the process before that call, as a kill would."""
    count = 0

    def profile(frame, event, function):
        nonlocal count
        if event == "c_call" and module_of(function) in SYSTEM:
            count += 1
            if count == fatal:
                os._exit(9)

    return profile


def in_child(work) -> int:
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def found() -> dict[str, str]:
    return {name: Path(name).read_text() for name in NAMES if Path(name).exists()}


def killed(fatal: int, text: str) -> int:
    def work():
        with staged(NAMES[0]) as stage:
            for name in NAMES:
                stage(name).write_text(f"{text} {name}\n")
            sys.setprofile(dying_at(fatal))
        sys.setprofile(None)

    return in_child(work)


def main() -> None:
    RECORDS.mkdir(parents=True, exist_ok=True)
    fatal, places = 0, set()
    while True:
        fatal += 1
        publish("old")
        code = killed(fatal, "new")
        check()
        places.add(str(found()))
        if code == 0:
            break
        assert code == 9, code
        publish("new")
        check()
        assert found() == {name: f"new {name}\n" for name in NAMES}
        assert os.listdir("results") == ["w"]
    assert found() == {name: f"new {name}\n" for name in NAMES}
    print(fatal, len(places))


main()
