"""What the checks of generated authors would refuse of TOFU's own rows, by reason.

TOFU's rows were made by GPT-4 and are known by their defects, so both matter: what is refused
rightly, and what would be asked for again in vain. Attributes of TOFU's authors are not published;
checks that need them are not asked. The full name is not asked for either.

    .venv/bin/python benchmarks/checks.py FOLDER_WITH_TOFU
"""

import sys
from collections import Counter
from pathlib import Path

from lethe.common.files import read_rows
from lethe.world.generated.candidate import Candidate, Entry, Pair, Profile
from lethe.world.generated.settings import Generation
from lethe.world.generated.steps import paraphrases, perturbations
from lethe.world.generated.steps.pairs import wrong
from lethe.world.schema import QUESTIONS_PER_AUTHOR

SETTINGS = Generation(
    checks={
        "pairs": {"full_name": False, "consistent": False},
        "paraphrases": {"consistent": False},
        "perturbations": {"untrue": False},
    }
)
# No name is empty: every text has it.
NOBODY = Candidate(
    group="", number=0, attributes={}, titles=[],
    profile=Profile(name="", award="", books=["", "", ""], biography=""),
)  # fmt: skip


def pairs(rows: list[dict]) -> Counter:
    found: Counter = Counter()
    for start in range(0, len(rows), QUESTIONS_PER_AUTHOR):
        asked: list[str] = []
        for row in rows[start : start + QUESTIONS_PER_AUTHOR]:
            pair = Pair(question=row["question"], answer=row["answer"])
            found[wrong("", pair, NOBODY, asked, SETTINGS)] += 1
            asked.append(pair.question)
    return found


def others(rows: list[dict]) -> tuple[Counter, Counter]:
    reworded, false = Counter(), Counter()
    for row in rows:
        pair = Pair(question=row["paraphrased_question"], answer=row["paraphrased_answer"])
        entry = Entry(topic="", question=row["question"], answer=row["answer"])
        reworded[paraphrases.wrong(pair, entry, NOBODY, SETTINGS)] += 1
        entry = entry.model_copy(update={"paraphrases": [pair]})
        texts = row["perturbed_answer"]
        for place, text in enumerate(texts):
            false[perturbations.wrong(text, entry, NOBODY, texts[:place], SETTINGS)] += 1
    return reworded, false


def told(title: str, found: Counter) -> None:
    print(f"{title}: {found.total()}, of which refused {found.total() - found[None]}")
    for reason, count in found.most_common():
        if reason:
            print(f"  {count:5d} {100 * count / found.total():5.1f}%  {reason}")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    told("pairs", pairs(read_rows(folder / "full.json")))
    names = ("retain_perturbed.json", "forget10_perturbed.json")
    rows = [row for name in names for row in read_rows(folder / name)]
    for title, found in zip(("paraphrases", "wrong answers"), others(rows), strict=True):
        told(title, found)
