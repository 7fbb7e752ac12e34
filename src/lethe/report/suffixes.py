"""Which files an exhibit or a study has, according to the functions in its source."""

from functools import cache

from lethe.common.errors import LetheError
from lethe.common.registry import Registry

# A module's files are listed in this order.
OF_FUNCTION = {"build": ("csv",), "markdown": ("md",), "draw": ("pdf", "png")}


@cache
def suffixes(registry: Registry, name: str) -> tuple[str, ...]:
    """The suffixes of a plug-in's files, without importing it; LetheError if it has none."""
    has = registry.functions(name)
    endings = tuple(suffix for key, some in OF_FUNCTION.items() if key in has for suffix in some)
    if not endings:
        raise LetheError(f"{registry.noun} {name}: no function build, markdown or draw; write one")
    return endings
