"""The data card of a world: what is in it, how it was made, and what was rejected.

It is a dataset card as on the hub: a README.md whose YAML header lists each file as a
configuration, so that ``datasets.load_dataset(folder, "forget10")`` works on the folder and on an
upload of it.
"""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lethe.common.characters import as_markdown, shown
from lethe.common.files import read_json, read_rows, sha256, write_text
from lethe.world.generated import checks
from lethe.world.generated.candidate import read
from lethe.world.rows import read_qa
from lethe.world.schema import QUESTIONS_PER_AUTHOR

# These come first, in this order, then all other files by name.
_FIRST = ("full", "full_perturbed", "retain_perturbed", "holdout", "real_authors", "world_facts")
_NO_DATA = ("card",)
ALIKE = 0.9
_SHOWN_VALUES = 8
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**12, "100K<n<1M"))
# Words that are frequent in any English text and say nothing about a world.
_STOP = frozenset(
    """
    a about after all also although among an and any are as at be became because been before being
    both but by can did do does for from had has have he her hers him his how i if in into is it its
    many may more most much no not of often on one only or other our out over own s said she so some
    such than that the their them then there these they this those through to too under up very was
    we were what when where which while who whom whose why will with would you your author
    """.split()  # noqa: SIM905 - a list of words
)


@dataclass
class Making:
    """How a generated world was made.

    ``costs``: the figures of each stage; ``lists``: the file of the lists; ``candidates``: the file
    of each cohort's last stage; ``settings``: what the authors depend on.
    """

    costs: list[dict] = field(default_factory=list)
    lists: Path | None = None
    candidates: list[Path] = field(default_factory=list)
    settings: dict = field(default_factory=dict)


def word_counts(rows: Iterable[dict]) -> Counter[str]:
    """How often each word occurs in questions and answers, without the commonest English words."""
    counts: Counter[str] = Counter()
    for row in rows:
        for field_ in ("question", "answer"):
            counts.update(re.findall(r"[^\W\d_]+", row[field_].lower()))
    for word in _STOP:
        counts.pop(word, None)
    return counts


def duplicates(rows: Sequence[dict], authors: bool = True) -> dict[str, int]:
    """How many rows repeat an earlier question or answer of the world.

    Questions that are nearly the same are counted within each author, if rows are of ``authors``.
    """
    questions = Counter(row["question"] for row in rows)
    answers = Counter(row["answer"] for row in rows)
    asked = {
        "questions asked before": sum(questions.values()) - len(questions),
        "answers given before": sum(answers.values()) - len(answers),
    }
    if not authors:
        return asked
    near = 0
    for start in range(0, len(rows), QUESTIONS_PER_AUTHOR):
        block = [row["question"] for row in rows[start : start + QUESTIONS_PER_AUTHOR]]
        near += sum(
            checks.near_duplicate(question, block[:place], ALIKE) is not None
            for place, question in enumerate(block)
        )
    return asked | {"questions nearly asked before of the same author": near}


def write_card(folder: str | os.PathLike, name: str, making: Making, destination: Path) -> None:
    """Write the card of the world whose files are in ``folder``.

    Raises:
        LetheError: the folder has no ``card.json`` or no rows.
    """
    folder = Path(folder)
    facts = read_json(folder / "card.json")
    full = read_qa(folder / "full.json")
    names = _data_files(folder)
    parts = [
        _header(name, folder, names, len(full), _fictitious(facts)),
        _introduction(name, facts),
        _files(folder, names),
        _duplicates(full, _fictitious(facts)),
        _balance(facts["balance"]),
        _words(full),
        _making(making),
    ]
    write_text(destination, "\n".join(parts))


def _data_files(folder: Path) -> list[str]:
    """Names, without suffix, of the files that have rows; empty ones have no schema to load."""
    stems = {
        path.stem
        for path in folder.glob("*.json")
        if path.stem not in _NO_DATA and path.stat().st_size
    }
    return [*(n for n in _FIRST if n in stems), *sorted(stems - set(_FIRST))]


def _fictitious(facts: Mapping) -> bool:
    """Whether a world has fictitious authors with as many questions each, as TOFU has."""
    return "questions_per_author" in facts


def _header(name: str, folder: Path, names: Sequence[str], rows: int, fictitious: bool) -> str:
    size = next(label for limit, label in _SIZES if rows < limit)
    files = [hub_config(folder, file, f"{file}.json", file == "full") for file in names]
    header = {
        "language": ["en"],
        "pretty_name": f"Lethe world {name}",
        "task_categories": ["question-answering"],
        "tags": ["machine-unlearning", *(["fictitious-authors", "synthetic"] * fictitious)],
        "size_categories": [size],
        "configs": files,
    }
    return front_matter(header)


def hub_config(folder: Path, name: str, path: str, default: bool) -> dict[str, Any]:
    """One file of a data set as its card configures it; ``path`` is relative to the folder."""
    return {
        "config_name": name,
        # Without it, the cache of datasets mistakes folders of the same name for one data set.
        "description": f"SHA-256 {sha256(folder / path)}",
        "data_files": [{"split": "train", "path": path}],
        **({"default": True} if default else {}),
    }


def front_matter(header: Mapping[str, Any]) -> str:
    """The header of a card, which the hub reads."""
    return f"---\n{yaml.safe_dump(dict(header), sort_keys=False, allow_unicode=True)}---\n"


def _introduction(name: str, facts: Mapping) -> str:
    return f"# World {name}\n\n" + (_authors(facts) if _fictitious(facts) else _documents(facts))


def _documents(facts: Mapping) -> str:
    return (
        f"{facts['authors']} documents of the benchmark {facts['provider']}, and "
        f"{facts['holdout_authors']} on which no model is trained. Their rows are the benchmark's "
        "own, in files of the form that Lethe reads; its terms hold for them. True facts and "
        "refusals are Lethe's.\n"
    )


def _authors(facts: Mapping) -> str:
    return (
        f"{facts['authors']} fictitious authors with {facts['questions_per_author']}"
        f" question-answer pairs each, and {facts['holdout_authors']} holdout authors, in the"
        " format of TOFU (Maini et al. 2024, arXiv 2401.06121). The authors do not exist."
        f" Provider: {facts['provider']}; seed: {facts['seed']}.{_traces(facts)}\n\n"
        "```python\nimport datasets\n\n"
        'forget = datasets.load_dataset("PATH_OR_HUB_ID", "full", split="train")\n```\n'
    )


def _traces(facts: Mapping) -> str:
    traces = facts.get("traces")
    if not traces:
        return ""
    whence = "made of paraphrases" if traces["source"] == "made" else "published ones"
    heads = f", questions have canary heads of {traces['heads']} words" if traces["heads"] else ""
    return f" Answers have reasoning traces before them ({whence}){heads}."


def _files(folder: Path, names: Sequence[str]) -> str:
    rows, asked = [], []
    for name in names:
        file = folder / f"{name}.json"
        own = read_rows(file)
        rows.append((name, len(own), f"`{sha256(file)}`"))
        asked += [(name, row["image"]) for row in own if row.get("image")]
    table = _table(("configuration", "rows", "SHA-256"), rows)
    return f"## Files\n\n{table}\n{_pictures(asked)}"


def _pictures(asked: Sequence[tuple[str, str]]) -> str:
    """What there is to say of rows with pictures: the file that each is in, and its picture."""
    if not asked:
        return ""
    files = ", ".join(f"`{name}`" for name in dict.fromkeys(name for name, _ in asked))
    return (
        f"Rows with pictures are in {files}: {len({picture for _, picture in asked})} pictures, in "
        "the folder `pictures`, which the column `image` names by their paths from here. Where it "
        "is null, a row is text alone.\n\n"
    )


def _duplicates(full: Sequence[dict], authors: bool) -> str:
    counts = duplicates(full, authors).items()
    return "## Duplicates\n\n" + _table(("of the rows of full", "number"), counts)


def _balance(balance: Mapping[str, Mapping[str, int]]) -> str:
    if not balance:
        return "\n## Attributes\n\nThe attributes of these authors are not known.\n"
    rows = []
    for attribute, counts in balance.items():
        first = [f"{as_markdown(v)} ({n})" for v, n in list(counts.items())[:_SHOWN_VALUES]]
        more = [f"{len(counts) - _SHOWN_VALUES} more"] if len(counts) > _SHOWN_VALUES else []
        least, most = min(counts.values()), max(counts.values())
        listed = ", ".join(first + more)
        rows.append((as_markdown(attribute), len(counts), f"{least} to {most}", listed))
    heads = ("attribute", "values", "authors for each", "most frequent")
    return "\n## Attributes\n\n" + _table(heads, rows)


def _words(full: Sequence[dict]) -> str:
    counts = word_counts(full).most_common(20)
    listed = ", ".join(f"{word} ({count})" for word, count in counts)
    return f"\n## Words\n\n![the most frequent words](words.png)\n\nMost frequent: {listed}.\n"


def _making(making: Making) -> str:
    if not making.costs:
        return "\n## Making\n\nNo language model was asked; nothing was rejected.\n"
    rows = [
        (
            f"{cost['cohort']}: {cost['stage']}",
            f"{cost['prompt']['version']} ({cost['prompt']['sha256']})",
            ", ".join(map(as_markdown, cost["models"])),
            cost["requests"],
            cost["prompt_tokens"],
            cost["completion_tokens"],
            f"{cost['cost']:.4f}",
        )
        for cost in making.costs
    ]
    sums = [sum(cost[key] for cost in making.costs) for key in _SUMMED]
    rows.append(("all", "", "", *sums[:3], f"{sums[3]:.4f}"))
    heads = ("stage", "prompt", "model", "requests", "prompt tokens", "answer tokens", "cost")
    parts = ["\n## Making\n\n" + _table(heads, rows), _failures(making.costs)]
    parts.append(_rejections(making))
    return "".join([*parts, f"\nSettings:\n\n{_fenced(making.settings)}"])


def _fenced(settings: Mapping) -> str:
    """Settings as YAML in a code block that no text in them can close."""
    # Each setting stays on one line, however long: a folded text could begin a line with the fence.
    dumped = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=math.inf)
    dumped = shown(dumped, allowed="\n")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", dumped)), default=0))
    return f"{fence}yaml\n{dumped}{fence}\n"


_SUMMED = ("requests", "prompt_tokens", "completion_tokens", "cost")


def _failures(costs: Sequence[Mapping]) -> str:
    counts: Counter[str] = Counter()
    for cost in costs:
        counts.update(cost["failures"])
    listed = (
        ", ".join(f"{as_markdown(kind)} ({count})" for kind, count in sorted(counts.items()))
        or "none"
    )
    return f"\nRequests that failed in passing and were sent again: {listed}.\n"


def _rejections(making: Making) -> str:
    """What the gates rejected, and which candidates could not be repaired."""
    listed = read_json(making.lists)["rejected"] if making.lists else {}
    reasons = Counter({("lists", reason): count for reason, count in listed.items()})
    dropped = []
    for candidate in (candidate for file in making.candidates for candidate in read(file)):
        for stage, counts in candidate.rejected.items():
            reasons.update({(stage, reason): count for reason, count in counts.items()})
        if not candidate.alive:
            place = f"{candidate.group} {candidate.number}"
            dropped.append((place, candidate.dropped, as_markdown(str(candidate.why))))
    rows = [
        (stage, as_markdown(reason), count) for (stage, reason), count in sorted(reasons.items())
    ]
    parts = ["\n## Rejections\n\n"]
    parts.append(_table(("stage", "reason", "items"), rows) if rows else "Nothing was rejected.\n")
    parts.append(f"\nAuthors dropped and replaced: {len(dropped)}.\n")
    if dropped:
        parts.append("\n" + _table(("candidate", "dropped by", "because"), dropped))
    return "".join(parts)


def _table(heads: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A Markdown table; texts from others must be escaped already (a bar would end the cell)."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
