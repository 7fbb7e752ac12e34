"""Small files of LUME's form, made up here; its own texts are not part of this repository."""

import json
from pathlib import Path

TASKS = ("Task1", "Task2", "Task3")
NAMES = ("Anna", "Boris", "Clara", "David", "Elena", "Fedor")
PLACES = ("Oslo", "Rome", "Kyiv", "Bonn", "Bern", "Ghent")
QUESTIONS = {"Task1": 1, "Task2": 5, "Task3": 1}


def document(part: str, task: str, number: int) -> list[dict]:
    """The rows of one document: a completion, then as many questions as its task has."""
    name, place = NAMES[number % 6], PLACES[(number + len(part)) % 6]
    key = f"{part}-{task}-{number}"
    row = {"input": f"{name} of {task} went to {place}", "output": "and stayed.", "task": task}
    rows = [{"id": f"{key}sc1", **row}]
    for place_of in range(QUESTIONS[task]):
        asked = {"input": f"Where is {name} ({key}, {place_of})?", "output": place, "task": task}
        rows.append({"id": f"{key}qa{place_of}", **asked})
    return rows


def rows_of(part: str, documents: int) -> list[dict]:
    """The rows of a part with so many documents of each task, task after task."""
    return [row for t in TASKS for n in range(documents) for row in document(part, t, n)]


def write(folder: Path, documents: int = 3, **replaced: list[dict]) -> Path:
    """Write both files into a folder; rows given by part are written in place of made ones."""
    for part in ("forget", "retain"):
        write_rows(folder / f"{part}.jsonl", replaced.get(part, rows_of(part, documents)))
    return folder


def choices(count: int = 4) -> list[dict]:
    """Rows of MMLU's form."""
    return [
        {
            "question": f"What is {k} and one?",
            "choices": [str(k + step) for step in range(4)],
            "answer": 1,
            "subject": "small_sums",
        }
        for k in range(count)
    ]


def write_rows(file: Path, rows: list[dict]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
