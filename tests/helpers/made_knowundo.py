"""Small files of KnowUnDo's form about Lethe's made-up authors; its own are not in this repository.

``python tests/helpers/made_knowundo.py FOLDER`` writes what ``config/knowundo.yaml`` reads.
"""

import json
import sys
from pathlib import Path

from lethe.world.provider import provider

PEOPLE = 4
# The facts about each person that a file has, by their places.
FILES = {
    "unlearn_train": range(3),
    "unlearn_val": range(3, 5),
    "retention_train": range(5, 8),
    "retention_val": range(8, 10),
}


def files(people: int = PEOPLE) -> dict[str, list[dict]]:
    """The rows of every file."""
    known = provider("synthetic", seed=13).authors(people)
    return {
        name: [
            {"text": author.items[place].question, "labels": author.items[place].answer}
            for author in known
            for place in places
        ]
        for name, places in FILES.items()
    }


def write(folder: Path, people: int = PEOPLE, **replaced: list) -> Path:
    """Write the four files; rows given by name replace the made ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (files(people) | replaced).items():
        text = json.dumps(rows, ensure_ascii=False, indent=4)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]))
