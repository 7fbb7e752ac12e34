"""TOFU's probe suite: which questions and answers of a world are put to a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass

from lethe.errors import LetheError

SUITE = "tofu"
# Sets whose correct answer is compared in a paraphrase; the utility sets have none.
PARAPHRASED = ("forget", "retain")


@dataclass(frozen=True)
class Probe:
    """One question with all the answers whose likelihood is recorded."""

    question: str
    answer: str
    paraphrase: str | None
    perturbed: tuple[str, ...]

    def answers(self) -> list[str]:
        """Answer, paraphrase if there is one, then the perturbed answers."""
        return [a for a in (self.answer, self.paraphrase, *self.perturbed) if a is not None]


def probes(rows: Sequence[dict], paraphrased: bool, items: int, where: str) -> list[Probe]:
    """The first ``items`` rows of a perturbed file as probes (TOFU's ``ds_size`` is 300)."""
    found = []
    for number, row in enumerate(rows[:items], start=1):
        wrong = row.get("perturbed_answer")
        paraphrase = row.get("paraphrased_answer") if paraphrased else None
        if not wrong or (paraphrased and not paraphrase):
            lacks = "perturbed_answer" if not wrong else "paraphrased_answer"
            raise LetheError(f"{where}, row {number}: no {lacks}; every probed row needs one")
        found.append(Probe(row["question"], row["answer"], paraphrase, tuple(wrong)))
    return found
