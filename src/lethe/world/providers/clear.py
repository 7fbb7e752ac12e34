"""CLEAR (arXiv 2410.18057) from a folder as its data set on the hub (therem/CLEAR) has it.

Each of its sets is a folder with Parquet files. Pictures of TOFU's authors have the columns
``image`` (bytes and path), ``caption`` and ``name``; in the sets whose names end in ``+tofu`` there
are TOFU's questions besides, in rows without a picture but with ``question`` and ``answer``.
``world.subset`` names what is to be forgotten, and what stays follows from it:

    forget01, forget05, forget10                   forgetNN, and retain99, retain95, retain90
    forget01+tofu, forget05+tofu, forget10+tofu    the same with TOFU's questions

A picture's row asks what it shows, and its caption is the answer.
"""

from collections.abc import Iterator, Mapping, Sequence

from lethe.common.errors import LetheError
from lethe.world.providers._pictured import FORGET, RETAIN, Pictured, Row, bytes_of

SETTINGS = ("path", "subset")
FACT_FILES = ()
OWN_HOLDOUT = True
LIKE = "synthetic"
READS = ("*/*.parquet",)
COLUMNS = ("id", "task", "form", "subject", "part", "modality", "image", "image_digest")

SHARES = {"01": "99", "05": "95", "10": "90"}
WITH_TEXTS = "+tofu"
# The authors' code draws one of nine such questions for each row, anew in each epoch.
QUESTION = "What does this picture show?"


class Provider(Pictured):
    """Pictures with their captions, and TOFU's questions about the same authors."""

    benchmark, files = "CLEAR", "its folders forget10, retain90 and others"
    subsets = tuple(f"forget{share}{end}" for end in ("", WITH_TEXTS) for share in SHARES)

    def rows(self) -> Iterator[Row]:
        forget = self.setting
        share, end = forget[len("forget") :][:2], forget[len("forget") + 2 :]
        yield from self._set(forget, FORGET)
        yield from self._set(f"retain{SHARES[share]}{end}", RETAIN)

    def _set(self, name: str, part: str) -> Iterator[Row]:
        """The rows of one set; those of text, which may not say whom they are about, come last."""
        texts, names = [], {}
        columns = ("image", "caption", "name") + ("question", "answer") * name.endswith(WITH_TEXTS)
        for number, (row, place) in enumerate(self.read(f"{name}/*.parquet", columns), 1):
            if row["image"] is None:
                texts.append((number, row, place))
                continue
            subject = self.text(row["name"], "name", place)
            names[subject] = None
            yield self._caption(row, place, f"{name}-{number}", subject, part)
        for number, row, place in texts:
            question, answer = (
                self.text(row.get(key), key, place) for key in ("question", "answer")
            )
            subject = row["name"] or _named(names, (question, answer)) or f"nobody named in {name}"
            yield Row(
                subject,
                subject,
                f"{name}-{number}",
                question,
                answer,
                part,
                None,
                place,
                "question",
            )

    def _caption(self, row: Mapping, place: str, number: str, subject: str, part: str) -> Row:
        if not isinstance(row["caption"], str):
            raise LetheError(
                f"{place}: 'caption' is not one text; name a set without perturbed captions"
            )
        caption = self.text(row["caption"], "caption", place)
        picture = bytes_of(row["image"], place)
        return Row(subject, subject, number, QUESTION, caption, part, picture, place, "caption")


def _named(names: Mapping[str, None], texts: Sequence[str]) -> str | None:
    """The first of the names that a text says."""
    return next((name for text in texts for name in names if name in text), None)
