"""Which files an exhibit or a study has: they follow from the functions in its source."""

from functools import cache

from lethe.common.errors import LetheError
from lethe.common.registry import Registry

# In this order a module's files are listed.
OF_FUNCTION = {"build": ("csv",), "markdown": ("md",), "draw": ("pdf", "png")}


@cache
def suffixes(registry: Registry, name: str) -> tuple[str, ...]:
    """The files of a plug-in, without importing it; LetheError where it has none."""
    has = registry.functions(name)
    found = tuple(suffix for key, some in OF_FUNCTION.items() if key in has for suffix in some)
    if not found:
        raise LetheError(f"{registry.noun} {name}: no function build, markdown or draw; write one")
    return found
