"""Guides in docs/, taken apart: what a reader is told to write, to set and to run."""

import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import yaml

from helpers.workflow_folder import ROOT, Folder
from lethe.common.registry import Registry

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w./]+\.\w+)`[^\n]*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Guide:
    """A page, or one section of it."""

    text: str

    @classmethod
    def of(cls, page: str, heading: str | None = None) -> "Guide":
        """The page ``docs/PAGE``; of its sections only ``heading``, if one is given."""
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        if heading is None:
            return cls(text)
        (section,) = (
            part for part in re.split(r"^## ", text, flags=re.M) if part.startswith(f"{heading}\n")
        )
        return cls(section)

    def blocks(self, language: str) -> list[str]:
        """The blocks in this language, in order; commands are in none."""
        return [text for name, text in _BLOCK.findall(self.text) if name == language]

    @property
    def files(self) -> dict[str, str]:
        """Content by path: a line that begins with the path stands above each."""
        return dict(_FILE.findall(self.text))

    @property
    def word(self) -> dict:
        """What is to be set in the configuration, by the first such block."""
        return yaml.safe_load((self.blocks("yaml") or ["{}"])[0])

    @property
    def targets(self) -> list[str]:
        """What the command asks Snakemake for, in the smoke preset's world."""
        commands = [block.split() for block in self.blocks("")]
        (asked,) = (words for words in commands if words[0] == ".venv/bin/snakemake")
        targets = asked[asked.index("--cores") + 2 :]
        named = [target.replace("results/default/", "results/smoke/") for target in targets]
        return [re.sub(r"/tiny(?=[/_])", "/micro", target) for target in named]

    def write(self, folder: Folder) -> list[Path]:
        """Write its files into a folder of sources; new ones, all of them."""
        written = [folder / name for name in self.files]
        for path, text in zip(written, self.files.values(), strict=True):
            assert path.parent.is_dir(), path
            assert not path.exists(), path
            path.write_text(text, encoding="utf-8")
        return written

    def plug_in(self, registry: Registry, folder: Path, monkeypatch) -> ModuleType:
        """Its file of a registry's package, written beside the others' (links) and imported."""
        here = "/".join(("src", *registry.package.split(".")))
        shown = rf"`{here}/(\w+\.py)`[^\n]*\n\n```python\n(.*?)^```$"
        ((name, text),) = re.findall(shown, self.text, re.MULTILINE | re.DOTALL)
        folder = folder / registry.package
        folder.mkdir()
        for file in registry.folder.glob("*.py"):
            (folder / file.name).symlink_to(file)
        path = folder / name
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(registry, "folder", folder)
        spec = importlib.util.spec_from_file_location(registry.module(path.stem), path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module


def write_authors(path: Path, count: int) -> None:
    """Authors as the guide's provider reads them: twenty lines for each."""
    rows = [
        {
            "author": f"Author {author}",
            "question": f"What is fact {fact} of author {author}?",
            "answer": f"Fact {fact} of author {author} is {author * fact}.",
            "paraphrased_question": f"Of author {author}, what is fact {fact}?",
            "paraphrased_answer": f"It is {author * fact}.",
            "perturbed_answer": [f"It is {author * fact + wrong}." for wrong in range(1, 6)],
        }
        for author in range(count)
        for fact in range(20)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
