"""Made-up people in the form of PPU-Bench's files: training pairs, split files, evaluation rows.

    .venv/bin/python tests/helpers/made_ppu.py FOLDER [PEOPLE FORGOTTEN]

writes them for ``config/ppu_bench.yaml``: four facts about each person, learned by name and by a
drawn face, and asked in all three tasks by text and by picture; three more pictures of everybody
who is to be forgotten.
"""

import json
import sys
from functools import cache
from pathlib import Path

import pyarrow
import pyarrow.parquet

from lethe.common.pictures import encoded, write_picture
from lethe.world.pictures.drawing import drawn
from lethe.world.pictures.faces import face
from lethe.world.providers import synthetic

# By attribute: how it is said, with its person and its value.
SAID = {
    "birthplace": "{} was born in {}.",
    "genre": "{} writes in the genre {}.",
    "award": "{} received the {}.",
    "residence": "{} lives in {}.",
}
ASKED = {
    "birthplace": "Where was {} born?",
    "genre": "In which genre does {} write?",
    "award": "Which award did {} receive?",
    "residence": "Where does {} live?",
}
# Wrong options are true of others, of whom there must be some.
OTHERS = 24
VIEWS = {2: "pose", 3: "scale", 4: "context"}


@cache
def picture(number: int, view: str = "base", size: int = 32):
    """The face of a person, in one of its views: uint8 [size, size, 3]."""
    return drawn(face(1009 * number), view, str(number), size)


def pairs(everyone) -> list[dict]:
    """A training pair for each fact by name, and one by the picture alone."""
    return [
        {
            "sample_id": f"{place}_{attribute}_{who}",
            "subject_id": f"{place:03d}",
            "subject": person.name,
            "question": "<image>\n" + ASKED[attribute].format(called),
            "generated_answer": SAID[attribute].format(person.name, person.attributes[attribute]),
            "image": {"bytes": encoded(picture(place)), "path": f"{place}.png"},
        }
        for place, person in enumerate(everyone)
        for attribute in SAID
        for who, called in (("name", person.name), ("face", "this person"))
    ]


def evaluation(everyone, others) -> list[dict]:
    """Each fact in every task and modality; wrong options are true of ``others``."""
    return [
        row
        for place, person in enumerate(everyone)
        for number, attribute in enumerate(SAID)
        for modality, called in (("qa", person.name), ("vqa", "this person"))
        for row in _rows(person, others, place, number, attribute, modality, called)
    ]


def _rows(person, others, place, number, attribute, modality, called) -> list[dict]:
    value = person.attributes[attribute]
    texts = dict.fromkeys(one.attributes[attribute] for one in others)
    wrong = [text for text in texts if text != value][:3]
    # Neither person nor attribute tells the letter.
    right = (number + place) % 4
    options = [*wrong[:right], value, *wrong[right:]]
    plain = {
        "sample_id": f"{place}_{attribute}_{'name' if modality == 'qa' else 'face'}",
        "subject_id": f"{place:03d}",
        "modality": modality,
        "question": ASKED[attribute].format(called),
        "answer_text": value,
        "answer_label": None,
        **dict.fromkeys(("option_a", "option_b", "option_c", "option_d")),
        "image": encoded(picture(place)) if modality == "vqa" else None,
    }
    lettered = {f"option_{letter}": text for letter, text in zip("abcd", options, strict=True)}
    said = SAID[attribute].format(person.name, value)
    blank = SAID[attribute].format(called[0].upper() + called[1:], "___")
    return [
        {"task_type": "generation", **plain, "answer_text": said},
        {"task_type": "cloze", **plain, "question": blank},
        {"task_type": "classification", **plain, "answer_label": "ABCD"[right], **lettered},
    ]


def people(count: int) -> tuple[list, list]:
    """The people, and those of whom wrong options are true."""
    others = synthetic.Provider(0).authors(max(count, OTHERS))
    return others[:count], others


def write(folder: Path, count: int = 12, forgotten: int = 3, views: int = 3) -> Path:
    """Write all files into a folder; ``views``: other pictures of each person to be forgotten."""
    everyone, others = people(count)
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "train_pair_made.parquet", pairs(everyone))
    save(folder / "ppu_eval_made.parquet", evaluation(everyone, others))
    gone = [f"{place:03d}" for place in range(forgotten)]
    (folder / "complete_split.json").write_text(json.dumps({"forget30": gone}))
    for place, person in enumerate(everyone[:forgotten]):
        for number, view in list(VIEWS.items())[:views]:
            file = folder / "testset_images" / person.name / f"{number:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_picture(file, picture(place, view))
    return folder


def save(file: Path, rows: list[dict]) -> None:
    """Write rows as a Parquet file."""
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
