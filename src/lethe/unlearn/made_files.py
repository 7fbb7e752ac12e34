"""Making a file that a need declares, with the model before unlearning."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.common import registry


def make(
    maker: str,
    start: str | Path,
    forget: str | Path,
    out: str | Path,
    options: Mapping[str, Any] | None = None,
    **shared: Any,
) -> dict[str, int]:
    """Have a function write ``out`` from checkpoint ``start`` and the rows of ``forget``.

    ``maker``: its dotted name (``MadeFile.maker``). ``options`` are its own arguments. ``shared``
    are those of every job with a model (``template``, ``max_length``, ``seed``, ``compute``,
    ``device``), of which it gets those that it takes. Returns its counts.
    """
    function = registry.function(maker)
    taken = inspect.signature(function).parameters
    wanted = {key: value for key, value in shared.items() if key in taken}
    return function(start, forget, out, **wanted, **(options or {}))
