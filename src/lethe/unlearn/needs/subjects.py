"""Whom each row is about, for splits that forget some facts of a subject."""

from lethe.common.errors import LetheError
from lethe.unlearn import need
from lethe.world.rows import read_asked


class Need(need.Need):
    """Whom each row is about; the retain row of each forget row is then about the same subject.

    A method that names it must name ``retain`` before it.
    """

    source = need.SplitFile("subjects")

    def read(self, file, forget):
        """The subject by (question, answer); LetheError if a forget row has none."""
        need.column(file, "subject", forget, read_asked)
        return {(row["question"], row["answer"]): row.get("subject") for row in read_asked(file)}

    def fill(self, data, value):
        """``value`` as ``read`` returns it. LetheError for a subject without retain rows."""
        forget, retain = (
            [value.get(tuple(pair)) for pair in pairs]
            for pairs in (data.forget_pairs, data.retain_pairs)
        )
        there = set(retain)
        for pair, subject in zip(data.forget_pairs, forget, strict=True):
            if subject is None:
                raise LetheError(f"subjects: no subject for {pair[0][:60]!r}; name it")
            if subject not in there:
                raise LetheError(
                    f"subjects: no retain row is about {subject}; keep some of its rows, or pair "
                    "the rows of the whole batch"
                )
        data.groups = forget, retain
