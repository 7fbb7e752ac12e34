"""How many of the rows that are to be forgotten a made supervision recovers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lethe.common.files import read_json, read_rows
from lethe.common.novel_words import novel_words, recall
from lethe.world.rows import read_qa

# The share of a gold answer's novel words from which it counts as recovered.
RECOVERED = 0.5


def recovered(gold: Sequence[Mapping], made: Iterable[Mapping]) -> float:
    """The share of gold rows whose fact a made row about the same name tells, in [0, 1].

    A fact is told if the made answer has half of the gold answer's novel words. Gold rows without
    novel words are left out.
    """
    rows = list(made)
    facts = [(row, novel_words(row["question"], row["answer"])) for row in gold]
    facts = [(row, novel) for row, novel in facts if novel]
    told_rows = [any(_tells(row, novel, one) for one in rows) for row, novel in facts]
    return sum(told_rows) / len(facts) if facts else 0.0


def _tells(row: Mapping, novel: frozenset[str], one: Mapping) -> bool:
    about = one["anchor"] in f"{row['question']} {row['answer']}"
    return about and recall(novel, one["answer"]) >= RECOVERED


def summary(entry: Mapping) -> dict[str, float]:
    """The numbers of one supervision, from its graph's file, those beside it, and the gold rows."""
    folder = Path(entry["path"]).parent
    forget, retain = (read_rows(folder / f"{part}.json") for part in ("forget", "retain"))
    anchors = read_json(entry["path"])["anchors"]
    return {
        "names": len(anchors),
        "known": sum(one["known"] for one in anchors),
        "forget_rows": len(forget),
        "retain_rows": len(retain),
        "recall": recovered(read_qa(entry["gold"]), forget),
    }
