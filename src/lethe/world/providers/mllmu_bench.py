"""MLLMU-Bench (arXiv 2410.22108) from a folder as its data set on the hub has it.

The data set is MLLMMU/MLLMU-Bench. Each of its sets is a folder with Parquet files, a row for each
profile: ``ID``, ``image`` (bytes and path), ``biography`` (JSON, with the ``Name``), ``question``
and ``answer`` about the picture, and ``Generation_Task``, a list of ``Question``, ``Ground_Truth``
and ``Type`` (``Image_Textual`` is asked with the picture, ``Pure_Text`` without). ``world.subset``
names what is to be forgotten, and what stays follows from it:

    forget_5, forget_10, forget_15    and retain_95, retain_90, retain_85

Its other tasks (``Classification_Task``, ``Mask_Task``) are not read.
"""

import json
from collections.abc import Iterator, Mapping

from lethe.common.errors import LetheError
from lethe.world.providers._pictured import FORGET, RETAIN, Pictured, Row, bytes_of

SETTINGS = ("path", "subset")
FACT_FILES = ()
OWN_HOLDOUT = True
LIKE = "synthetic"
READS = ("*/*.parquet",)
COLUMNS = ("id", "task", "form", "subject", "part", "modality", "image", "image_digest")

RETAINS = {"forget_5": "retain_95", "forget_10": "retain_90", "forget_15": "retain_85"}
NEEDED = ("ID", "image", "biography", "question", "answer", "Generation_Task")
WITH_PICTURE, WITHOUT = "Image_Textual", "Pure_Text"


class Provider(Pictured):
    """Profiles; each has a question about its picture, and those of the generation task."""

    benchmark, files = "MLLMU-Bench", "its folders forget_5, retain_95 and others"
    subsets = tuple(RETAINS)

    def rows(self) -> Iterator[Row]:
        for name, part in ((self.setting, FORGET), (RETAINS[self.setting], RETAIN)):
            for row, place in self.read(f"{name}/*.parquet", NEEDED):
                yield from self._profile(row, part, place)

    def _profile(self, row: Mapping, part: str, place: str) -> Iterator[Row]:
        number = row["ID"]
        key = self.text(str(number) if isinstance(number, int) else number, "ID", place)
        subject, picture = self._name(row, place), bytes_of(row["image"], place)
        asked = [(row["question"], row["answer"], WITH_PICTURE)]
        tasks = row["Generation_Task"]
        for task in tasks if isinstance(tasks, list) else [None]:
            if not isinstance(task, Mapping):
                raise LetheError(f"{place}: 'Generation_Task' is not a list of tasks; {self.again}")
            asked.append((task.get("Question"), task.get("Ground_Truth"), task.get("Type")))
        for count, (question, answer, kind) in enumerate(asked):
            if kind not in (WITH_PICTURE, WITHOUT):
                raise LetheError(
                    f"{place}: 'Type' is {kind!r}, not {WITH_PICTURE} or {WITHOUT}; {self.again}"
                )
            yield Row(
                key,
                subject,
                f"{key}-{count}",
                self.text(question, "Question" if count else "question", place),
                self.text(answer, "Ground_Truth" if count else "answer", place),
                part,
                picture if kind == WITH_PICTURE else None,
                place,
                "generation" if count else "biography",
            )

    def _name(self, row: Mapping, place: str) -> str:
        """The name in a biography."""
        text = self.text(row["biography"], "biography", place)
        try:
            name = json.loads(text)["Name"]
        except (ValueError, LookupError, TypeError):
            raise LetheError(
                f"{place}: 'biography' is not JSON with a 'Name'; {self.again}"
            ) from None
        return self.text(name, "Name", place)
