"""What bears the name of the distribution ``lethe-lab``: the first step of the command ``lethe``.

The package index has a project ``lethe`` of other people, with a package and a command of that
name (docs/installing.md). Where both are installed, one hides the other or lies over its files, so
that the command must not begin in the package ``lethe``. In a wheel, this package also carries the
Snakefile and all that belongs to it (``setup.py``).
"""

import sys
from importlib.util import find_spec
from pathlib import Path

__version__ = "0.1.0"

OURS = Path(__file__).parents[1] / "lethe" / "__init__.py"
REMEDY = "pip uninstall lethe, then pip install --force-reinstall --no-deps lethe-lab"


def foreign(ours: Path = OURS) -> str | None:
    """What is wrong with the package ``lethe`` that Python would import; None where it is ours.

    Nothing of it is run.
    """
    spec = find_spec("lethe")
    origin = None if spec is None else spec.origin
    if origin is None or not Path(origin).is_file():
        return f"{ours}: Lethe's package is not whole"
    if not Path(origin).samefile(ours):
        return f"{origin}: a package lethe of another project hides Lethe's"
    if "lethe_lab" not in ours.read_text(encoding="utf-8"):
        return f"{ours}: a package lethe of another project was installed over Lethe's"
    return None


def check() -> None:
    """End the program with one line if Python would import another project's ``lethe``."""
    problem = foreign()
    if problem is not None:
        sys.exit(f"error: {problem}; {REMEDY}")


def main() -> None:
    """The command ``lethe``."""
    check()
    from lethe.cli.main import main as command

    command()
