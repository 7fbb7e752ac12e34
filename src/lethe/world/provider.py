"""Worlds: the fictitious authors, and the true facts beside them.

A provider is a module of this folder with a class ``Provider`` (see ``lethe.world.schema``); it is
found by its file name, so a new one needs no entry in any list.
"""

import importlib
import inspect
import re
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world import schema

# The Protocol of schema.py has a base in brackets and is no provider itself.
_PROVIDER_CLASS = re.compile(r"^class Provider:", re.MULTILINE)


def available() -> list[str]:
    """Names of the providers. Reads the sources, since importing each would load its libraries."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return [path.stem for path in modules if _PROVIDER_CLASS.search(path.read_text("utf-8"))]


def provider(name: str, **settings) -> schema.Provider:
    """The provider called ``name``, made with ``settings``; no other provider is imported.

    Raises:
        LetheError: there is no such provider, or it does not take these settings.
    """
    known = available()
    if name not in known:
        raise LetheError(f"world {name!r}: no such provider; use one of {', '.join(known)}")
    factory = importlib.import_module(f"{__name__}.{name}").Provider
    try:
        inspect.signature(factory).bind(**settings)
    except TypeError as error:
        takes = ", ".join(inspect.signature(factory).parameters)
        raise LetheError(f"world {name!r}: {error}; its settings are {takes}") from None
    return factory(**settings)
