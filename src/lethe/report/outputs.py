"""Writing the files of an exhibit or a study from what its functions return."""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lethe.analysis.scores import write_numbers
from lethe.common.files import write_text
from lethe.report import style


def write_outputs(module: ModuleType, files: Mapping[str, str | os.PathLike], *data: Any) -> None:
    """Write ``files``, paths by suffix: csv by ``build``, md by ``markdown``, others by ``draw``.

    ``draw`` gets what ``build`` returned, or the data if the module has no ``build``.
    """
    made = [module.build(*data)] if hasattr(module, "build") else data
    if "csv" in files:
        write_numbers(made[0], files["csv"])
    if "md" in files:
        write_text(files["md"], module.markdown(*made))
    if "pdf" in files:
        # Save in the same style: fonts are embedded and ticks are placed only when saving.
        with style.paper():
            style.save(module.draw(*made), files["pdf"], files["png"])
