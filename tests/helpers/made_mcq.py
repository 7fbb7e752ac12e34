"""Small files of a world of multiple choice about authors of the synthetic world.

    .venv/bin/python tests/helpers/made_mcq.py FOLDER [FORGOTTEN RETAINED]

writes them for ``config/mcq.yaml``: two corpora, questions about either, and questions in MMLU's
form about true facts.
"""

import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lethe.world.providers import synthetic
from lethe.world.schema import Author

ASKED = {
    "birthplace": "Where was {} born?",
    "genre": "What does {} write?",
    "award": "Which award did {} win?",
    "residence": "Where does {} live?",
    "hobby": "What is the hobby of {}?",
}
OTHERS = 24


@cache
def _everyone(count: int) -> Sequence[Author]:
    """Made once: every test of refusals writes their files."""
    return synthetic.Provider(0).authors(count)


def files(forgotten: int = 4, retained: int = 8) -> dict[str, list[dict]]:
    """The records of every file."""
    # Wrong options are true of others, of whom there must be some.
    everyone = _everyone(max(forgotten + retained, OTHERS))
    parts = {
        "forget": everyone[:forgotten],
        "retain": everyone[forgotten : forgotten + retained],
    }
    facts = synthetic.Provider(0).facts()["world_facts"]
    made = {}
    for name, authors in parts.items():
        made[f"{name}_corpus"] = [row for author in authors for row in _learned(author)]
        made[f"{name}_questions"] = [
            row
            for place, author in enumerate(authors)
            for row in _questions(author, everyone, place)
        ]
    made["mmlu"] = [
        {
            "question": fact.question,
            "choices": list(fact.options),
            "answer": fact.options.index(fact.answer),
            "subject": "world_facts",
        }
        for fact in facts[:40]
    ]
    return made


def _learned(author: Author) -> list[dict]:
    """A document about an author, and what is asked with its short answer."""
    text = {"text": " ".join(item.answer for item in author.items)}
    asked = [
        {"question": form.format(author.name), "answer": author.attributes[attribute]}
        for attribute, form in ASKED.items()
    ]
    return [text, *asked]


def _questions(author: Author, everyone: Sequence[Author], place: int) -> list[dict]:
    rows = []
    for number, (attribute, form) in enumerate(ASKED.items()):
        true = author.attributes[attribute]
        others = dict.fromkeys(one.attributes[attribute] for one in everyone)
        wrong = [text for text in others if text != true][:3]
        # Neither author nor attribute tells the letter.
        right = (number + place) % 4
        rows.append(
            {
                "question": form.format(author.name),
                "choices": [*wrong[:right], true, *wrong[right:]],
                "answer": right,
                "subject": attribute,
            }
        )
    return rows


def write(folder: Path, forgotten: int = 4, retained: int = 8, **replaced) -> Path:
    """Write all files into a folder as JSON lines; ``replaced``: records by file, [] for none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in (files(forgotten, retained) | replaced).items():
        if records:
            lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records)
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
