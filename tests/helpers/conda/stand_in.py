"""A stand-in for conda: a test fixture, not conda.

It answers what Snakemake 9.27 asks of conda, and makes an environment out of the packages that the
tests themselves run on: exactly those that an environment file pins, nothing that they need. So a
file that lacks a package, or names another version than is installed, fails. What conda itself does
(channels, its solver, packages that are not Python's) is not tested.
"""

import json
import os
import re
import shutil
import sys
import venv
from importlib import metadata
from pathlib import Path

PIN = re.compile(r"^ +- ([A-Za-z0-9._-]+)==([A-Za-z0-9._]+)(\+\w+)?$", re.MULTILINE)
# Notes, when a process of the environment ends, which modules it had loaded, in their order.
RECORDER = """
import atexit, json, os, sys

def note():
    if any(argument.endswith(".py") and ".snakemake/scripts" in argument for argument in sys.argv):
        folder = os.path.join(sys.prefix, "modules")
        os.makedirs(folder, exist_ok=True)
        loaded = [(name, getattr(module, "__file__", None)) for name, module in sys.modules.items()]
        with open(os.path.join(folder, f"{os.getpid()}.json"), "w") as file:
            json.dump({"script": sys.argv, "modules": loaded}, file)

atexit.register(note)
"""


def main() -> None:
    command = sys.argv[1:]
    if command == ["--version"]:
        print("conda 24.7.1")
    elif command == ["info", "--json"]:
        print(json.dumps({"conda_prefix": os.environ["STAND_IN_PREFIX"], "platform": "linux-64"}))
    elif command[:2] == ["config", "--get"]:
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif command[:2] == ["env", "create"]:
        create(Path(option(command, "--file")), Path(option(command, "--prefix")))
    elif command[:1] != ["clean"]:
        sys.exit(f"the stand-in for conda does not know: {' '.join(command)}")


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def create(file: Path, prefix: Path) -> None:
    venv.create(prefix, symlinks=True)
    [site] = prefix.glob("lib/python*/site-packages")
    for name, version, _ in PIN.findall(file.read_text(encoding="utf-8")):
        install(name, version, site)
    (site / "recorder.py").write_text(RECORDER, encoding="utf-8")
    (site / "recorder.pth").write_text("import recorder\n", encoding="utf-8")


def install(name: str, version: str, site: Path) -> None:
    found = metadata.distribution(name)
    if found.version.partition("+")[0] != version:
        sys.exit(f"{name}=={version} is wanted, {found.version} is installed")
    for part in found.files or []:
        source = Path(found.locate_file(part))
        if part.parts[0] != ".." and source.is_file():
            (site / part).parent.mkdir(parents=True, exist_ok=True)
            link(source, site / part)


def link(source: Path, target: Path) -> None:
    """A hard link, so that the module's path is in the environment; a copy between file systems."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        shutil.copy2(source, target)


if __name__ == "__main__":
    main()
