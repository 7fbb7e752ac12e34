"""A request of a sequence in a world with pictures (ICU-Bench, arXiv 2605.05938).

An author's rows with pictures are forgotten with the rows of text that they were made of. The
question who somebody is goes with the request that asks for the last of the author's facts.
"""

from collections.abc import Mapping, Sequence

from lethe.common.errors import LetheError
from lethe.world.pictures.rows import IMAGE, asked_row, learned_row, text_row
from lethe.world.pictures.settings import REQUEST_KIND, Pictures
from lethe.world.pictures.split import People, Pictured
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.base import BaseSplit
from lethe.world.splits.request import REQUEST, in_turn

# One request's rows, of text and with pictures.
Rows = tuple[list[dict], list[dict]]


class PicturedRequest(Pictured):
    """As ``Pictured``, without the controls, which would be many files for each request."""

    def __init__(self, source: BaseSplit, pictures: Pictures, probes: int):
        super().__init__(source, pictures, probes)
        self.parts = (*source.parts, "retain_perturbed")

    @property
    def files(self) -> dict[str, str]:
        own = self.source.files
        return own | {"retain_perturbed": f"{own['forget']}_retain_perturbed"}

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        """The rows of every part.

        LetheError if nothing that the request asks for is in a modality that models learn.
        """
        text = {"retain_perturbed": world["retain_perturbed"], **self.source.cut(world)}
        people = People(world)
        parts = self._with_pictures(text, people)
        requests = self._by_request(text["asked_perturbed"], people)
        last = requests[-1][1]
        parts["forget"] = self._trained([*map(text_row, text["forget"]), *map(learned_row, last)])
        if not parts["forget"]:
            raise LetheError(
                f"config: requests.asked: request {len(requests)} asks for facts that are never "
                "asked with a picture; add text to world.pictures.trained, or raise its facts"
            )
        asked = [self._trained([*rows, *map(asked_row, shown)]) for rows, shown in requests]
        parts["forget_perturbed"] = [_without(row) for row in in_turn(asked)]
        parts["asked_perturbed"] = [
            {**row, REQUEST: number} for number, rows in enumerate(asked, start=1) for row in rows
        ]
        return parts

    def _by_request(self, asked: Sequence[dict], people: People) -> list[Rows]:
        """The rows of each request so far.

        A row with a picture is of the request with which all that it needs has been asked for.
        """
        requests: list[Rows] = []
        so_far: list[dict] = []
        seen: set[tuple] = set()
        for number in range(1, asked[-1][REQUEST] + 1):
            rows = [row for row in asked if row[REQUEST] == number]
            so_far += rows
            shown = [
                row
                for row in people.with_pictures(so_far, all, self.pictures.learned)
                if _identity(row) not in seen
            ]
            seen.update(map(_identity, shown))
            requests.append(([text_row(row) for row in rows], shown))
        return requests

    def rows(self, authors: int) -> dict[str, int]:
        """Rows of each part at most; fewer where only some facts are asked with pictures."""
        counts, own = dict(self.source.rows(authors)), self.pictures
        requests = self.source.settings.asked
        everyone = {author for request in requests for author in request.authors}
        people = {
            "forget": len(requests[-1].authors),
            "retain": authors - len(self.touched(authors)),
            "forget_perturbed": len(everyone),
            "holdout": 0,
            "asked_perturbed": len(everyone),
            "without_asked": authors,
            "retain_perturbed": self.probes,
        }
        text, pictured = own.rows_of_author(0), own.rows_of_author(len(own.learned))
        counts["retain_perturbed"] = self.probes * QUESTIONS_PER_AUTHOR
        return {
            part: (counts[part] if text else 0) + people[part] * (pictured - text)
            for part in self.parts
        }


def pictured(source: BaseSplit, pictures: Pictures, probes: int) -> Pictured:
    """A split with its rows with pictures; ``probes``: the authors whose rows are retain probes."""
    kind = PicturedRequest if source.kind == REQUEST_KIND else Pictured
    return kind(source, pictures, probes)


def _identity(row: Mapping) -> tuple:
    return row["question"], row["answer"], row[IMAGE], row["author"]


def _without(row: Mapping) -> dict:
    """A row without the number of its request, which only the suite of requests reads."""
    return {key: value for key, value in row.items() if key != REQUEST}
