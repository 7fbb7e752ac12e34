"""Locating the workflow's files: Snakefile, rules, scripts, presets, profiles, environments.

In a checkout they are beside ``src``; a wheel carries them in the package ``lethe_lab``.
"""

from functools import cache
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.registry import suggest

PACKAGE = Path(__file__).resolve().parents[1]
# The defaults that every start begins with; not a preset.
DEFAULTS = "config.yaml"


@cache
def root() -> Path:
    """The folder with this library's Snakefile; LetheError if there is none."""
    for folder in (PACKAGE.parents[1], PACKAGE.parent / "lethe_lab"):
        if (folder / "Snakefile").is_file() and (folder / "workflow/rules").is_dir():
            return folder
    raise LetheError(
        f"{PACKAGE}: no workflow beside the library; pip install --force-reinstall --no-deps "
        "lethe-lab, or work in a clone of the repository"
    )


def defaults() -> Path:
    """The configuration that presets change."""
    return root() / "config" / DEFAULTS


def presets() -> list[str]:
    """The presets by name: ``claims/core`` is ``config/claims/core.yaml``."""
    files = (root() / "config").rglob("*.yaml")
    return sorted(preset_name(file) for file in files if file != defaults())


def preset_name(file: Path) -> str:
    """The name of the preset in a file below ``config``."""
    return file.relative_to(root() / "config").with_suffix("").as_posix()


def preset(name: str) -> Path:
    """The file of a preset; LetheError with the closest name if there is none."""
    if name not in presets():
        raise LetheError(f"--preset: unknown preset {name!r}{suggest(name, presets())}")
    return root() / "config" / f"{name}.yaml"
