"""A small file of EDU-RELAT's form, made up here; the published one is not part of this repository.

``python tests/helpers/made_edu_relat.py FOLDER [FAMILIES]`` writes it.
"""

import json
import sys
from pathlib import Path

MEN = ("Ilan", "Ugo", "Piet", "Emre", "Anton", "Ossip", "Luc", "Adam")
WOMEN = ("Runa", "Ines", "Olga", "Thea", "Emma", "Ada", "Yara", "Iris")
CHILDREN = ("Nora", "Otto", "Eva", "Max", "Lea", "Jan", "Uma", "Tom")
SURNAMES = ("Alder", "Birch", "Cedar", "Elder", "Hazel", "Larch", "Maple", "Rowan")
PLACES, JOBS = ("Ohio", "Utah", "Iowa"), ("Baker", "Tailor", "Mason", "Nurse")
# Who is whose relative in a family of father (0), mother (1) and child (2).
RELATIONS = (
    (0, 2, "father"),
    (2, 0, "child"),
    (1, 2, "mother"),
    (2, 1, "child"),
    (0, 1, "husband"),
    (1, 0, "wife"),
)
# Father follows from child, and from the mother's marriage; that she is the mother is stated twice,
# and so is the marriage: either both of these go, or both of those.
OF_FATHER = ((0, 1, 2, 3), (0, 1, 4, 5))


def content(families: int = 2) -> dict:
    """All that the file holds; the targets are the fathers."""
    own = [
        [f"{name[n % 8]} {SURNAMES[n % 8]}" for name in (MEN, WOMEN, CHILDREN)]
        for n in range(families)
    ]
    targets = [len(RELATIONS) * n for n in range(families)]
    return {
        "relationships": [
            {"question": f"Who is {people[one]} to {people[other]}?", "answer": relation}
            for people in own
            for one, other, relation in RELATIONS
        ],
        "biographies": [
            row
            for n, people in enumerate(own)
            for k, name in enumerate(people)
            for row in _biography(name, 3 * n + k)
        ],
        "targets": targets,
        "minimal_sets": {
            str(target): [[target + place for place in some] for some in OF_FATHER]
            for target in targets
        },
    }


def _biography(name: str, place: int) -> list[dict]:
    facts = {
        "birthyear": str(1900 + 7 * place),
        "birthplace": PLACES[place % 3],
        "job": JOBS[place % 4],
    }
    return [
        {"question": f"What is the {key} of {name}?", "answer": text} for key, text in facts.items()
    ]


def write(folder: Path, families: int = 2, **replaced) -> Path:
    """Write the file into a folder; ``replaced``: values of its keys in place of made ones."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content(families) | replaced)
    (folder / "edu_relat.json").write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
