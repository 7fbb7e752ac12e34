"""Checkpoints after an attack, for one evaluation: each made once, in a temporary folder."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.evaluate import attack


@dataclass(frozen=True)
class Attack:
    """An attack by its file's name, its settings, and the seed of its draws."""

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def chosen(self) -> dict[str, Any]:
        """All settings, with defaults filled in; LetheError for one that is not allowed."""
        made = attack.settings_of(self.kind, self.settings, f"attack '{self.kind}'")
        return made.model_dump(mode="json")

    @property
    def files(self) -> list[str]:
        """The data files that it reads, by part of a split or file of a world."""
        return attack.files(self.kind, self.chosen)


class AttackedCheckpoints:
    """``folder_of(source)`` is the checkpoint ``source`` after the attack; it ends with the block.

    ``files``: the attack's data files by name; ``how``: the arguments of ``attack_checkpoint`` that
    say how the model is trained, such as its template.
    """

    def __init__(self, chosen: Attack, files: Mapping[str, Path], how: Mapping[str, Any]):
        self.attack, self.files, self.how = chosen, dict(files), dict(how)
        self._made: dict[str, Path] = {}

    def __enter__(self) -> "AttackedCheckpoints":
        self._place = tempfile.TemporaryDirectory(prefix="lethe-attack-")
        return self

    def __exit__(self, *error) -> None:
        self._place.cleanup()

    def check(self) -> None:
        """LetheError for data that are missing or that the attack may not use, before any work."""
        from lethe.evaluate.attacked_model import read_rows

        for name, file in self.files.items():
            if not file.exists():
                raise LetheError(f"attack '{self.attack.kind}': {file}: no such file of {name}")
        read_rows(self.attack.kind, self.attack.chosen, self.files)

    def folder_of(self, source: str) -> Path:
        """The folder of the attacked checkpoint, which is made when it is first asked for."""
        from lethe.evaluate.attacked_model import attack_checkpoint

        if source not in self._made:
            out = Path(self._place.name) / f"checkpoint{len(self._made)}"
            others = {name: file for name, file in self.files.items() if name != "forget"}
            attack_checkpoint(
                source,
                self.attack.kind,
                out,
                settings=self.attack.settings,
                forget=self.files.get("forget"),
                data=others,
                seed=self.attack.seed,
                **self.how,
            )
            self._made[source] = out
        return self._made[source]
