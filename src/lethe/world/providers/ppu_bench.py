"""PPU-Bench (arXiv 2605.08800) from a folder with its training pairs and its split files.

The folder holds files ``train_pair*.parquet`` as the hub has them (the configuration
``train_pair_qwen3``, for instance), with the columns ``sample_id`` or ``id``, ``subject_id``,
``subject``, ``question``, ``generated_answer`` and ``image`` (bytes and path), and beside them the
split file of the code repository that ``world.subset`` names:

    complete5, complete10, complete15, complete30    complete_split.json: {"forget5": [subject, …]}
    selective                                        selective_split.json: [{"id": …}, …]
    persona                      persona_split.json: {"delete_ids": […], "keep_ids": […]}

An author of the world is a subject; its rows say their ``part`` (forget or retain) and their
``image``, which ``write_pictures`` writes as PNG. ``asked`` gives the evaluation rows, if there are
any (``lethe.world.providers._ppu_tasks``).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.world.providers._pictured import FORGET, RETAIN, Pictured, Row, bytes_of
from lethe.world.providers._ppu_tasks import PLACEHOLDER, Tasks, written

SETTINGS = ("path", "subset")
FACT_FILES = ()
OWN_HOLDOUT = True
LIKE = "synthetic"
READS = ("*.json*", "train_pair*.parquet")
ASKS = ("ppu_eval*.parquet", "testset_images/*/*.*")
COLUMNS = ("id", "task", "form", "subject", "part", "modality", "image", "image_digest")

FILES = "train_pair*.parquet"
TEXTS = ("subject_id", "subject", "question", "generated_answer")
SETTINGS_OF = ("complete5", "complete10", "complete15", "complete30", "selective", "persona")


class Provider(Pictured):
    """PPU-Bench's training pairs; their parts are those of a split file."""

    benchmark, files, subsets = "PPU-Bench", f"{FILES} and the split files", SETTINGS_OF

    def rows(self) -> Iterator[Row]:
        seen: set[str] = set()
        for row, place in self.read(FILES):
            sample = self._sample(row, place)
            if sample in seen:
                raise LetheError(f"{place}: the id {sample} is given twice; {self.again}")
            seen.add(sample)
            subject = str(row["subject_id"])
            part = self._part(subject, sample)
            if part is None:
                continue
            # A placeholder for the picture is for one model's template.
            question = PLACEHOLDER.sub(" ", row["question"]).strip()
            self.text(question, "question", place)
            yield Row(
                subject,
                row["subject"],
                sample,
                question,
                row["generated_answer"],
                part,
                bytes_of(row.get("image"), place),
                place,
            )

    def asked(
        self, count: int, folder: Path | None = None, place: str = "pictures"
    ) -> dict[str, list[dict]]:
        """The evaluation rows about the first ``count`` subjects, by part of a split.

        ``folder``: where their pictures are written as PNG; ``place``: what rows call that folder.
        """
        authors = self.authors(count)
        subjects = {self._keys[dict(one.items[0].columns)["id"]]: one.name for one in authors}
        return Tasks(self, subjects, self._part, folder, place).parts()

    @property
    def _complete(self) -> bool:
        return self.setting.startswith("complete")

    def _part(self, subject: str, sample: str) -> str | None:
        """Whether a row is to be forgotten or stays; None: neither."""
        gone, stays = self._parts
        if (subject if self._complete else sample) in gone:
            return FORGET
        return RETAIN if stays is None or sample in stays else None

    @cached_property
    def _parts(self) -> tuple[set[str], set[str] | None]:
        """What is to be forgotten (subjects or rows), and which rows stay; None: all others."""
        kind = "complete" if self._complete else self.setting
        file = self.folder / f"{kind}_split.json"
        content = read_json(file, GIVEN)
        try:
            if self._complete:
                key = f"forget{self.setting.removeprefix('complete')}"
                return set(map(str, content[key])), None
            if kind == "selective":
                return {_id(entry) for entry in content}, None
            gone, stays = (set(map(_id, content[key])) for key in ("delete_ids", "keep_ids"))
        except (KeyError, TypeError, AttributeError) as error:
            raise LetheError(
                f"{file}: not PPU-Bench's form ({error!r}); use the file of its repository"
            ) from None
        if gone & stays:
            raise LetheError(f"{file}: {min(gone & stays)} is to be kept and deleted; {self.again}")
        return gone, stays

    def _sample(self, row: Mapping, place: str) -> str:
        """A row's id, after its texts were checked."""
        sample = row.get("sample_id", row.get("id"))
        for name, value in {"sample_id": sample, **{key: row.get(key) for key in TEXTS}}.items():
            self.text(written(value, name), name, place)
        return str(sample)


def _id(entry: Any) -> str:
    """The id of a row in a split file, which may be in an object."""
    if isinstance(entry, Mapping):
        entry = entry["id"] if "id" in entry else entry["sample_id"]
    return str(entry)
