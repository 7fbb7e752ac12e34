"""Writes a world's files in TOFU's published format.

Field names and their order are those of the published data (locuslab/TOFU on the hub);
``lethe.world.rows`` reads such files.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import sha256, write_json, write_rows, write_text
from lethe.world.rows import OPTION_FIELDS, QA_FIELDS
from lethe.world.schema import QUESTIONS_PER_AUTHOR, Author, Fact, Item, Provider

PERTURBED_FIELDS = (
    "question",
    "answer",
    "paraphrased_answer",
    "perturbed_answer",
    "paraphrased_question",
)
FACT_KINDS = ("real_authors", "world_facts")
# The files that do not depend on a split; refusals have the suffix .jsonl, as published.
REFUSALS = "idontknow"
AUTHOR_FILES = ("full", "full_perturbed", "retain_perturbed", "holdout")
_FACT_ROWS = (*FACT_KINDS, *(f"{kind}_perturbed" for kind in FACT_KINDS))
FACT_FILES = (*_FACT_ROWS, REFUSALS)
ROW_FILES = (*AUTHOR_FILES[:-1], *_FACT_ROWS, AUTHOR_FILES[-1])
# Attributes with more values than this (dates, titles) say nothing about a world's balance.
_BALANCED_VALUES = 80


# --- rows of the format -------------------------------------------------------------------------


def qa_row(item: Item) -> dict:
    """A row of ``full.json`` and of the files cut from it."""
    return {field: getattr(item, field) for field in QA_FIELDS} | dict(item.columns)


def perturbed_row(item: Item) -> dict:
    """A row of the ``…_perturbed`` files; the paraphrased question is left out if there is none."""
    row = {field: getattr(item, field) for field in PERTURBED_FIELDS}
    row["perturbed_answer"] = list(item.perturbed_answer)
    if not item.paraphrased_question:
        del row["paraphrased_question"]
    return row


def fact_row(fact: Fact) -> dict:
    """A row of ``real_authors.json`` and ``world_facts.json``."""
    options = dict(zip(OPTION_FIELDS, fact.options, strict=True))
    return {"question": fact.question, **options, "answer": fact.answer}


def perturbed_fact_row(fact: Fact) -> dict:
    return {
        "question": fact.question,
        "answer": fact.answer,
        "perturbed_answer": list(fact.wrong),
    }


# --- writing ------------------------------------------------------------------------------------


def outputs(folder: str | os.PathLike) -> dict[str, Path]:
    """Where ``write_world`` puts each file of a folder."""
    folder = Path(folder)
    paths = {name: folder / f"{name}.json" for name in ROW_FILES}
    return {**paths, REFUSALS: folder / f"{REFUSALS}.jsonl", "card": folder / "card.json"}


def write_world(
    provider: Provider,
    folder: str | os.PathLike | Mapping[str, str | os.PathLike],
    authors: int,
    holdout: int,
    perturbed_retain_authors: int,
) -> dict:
    """Write a world's files that do not depend on a split, ``card.json`` last; return the card.

    ``folder`` is a folder, or a mapping with the path of each file that ``outputs`` names.
    ``authors`` and ``holdout`` are numbers of authors. ``retain_perturbed`` has the first
    ``perturbed_retain_authors`` target authors.

    Raises:
        LetheError: the provider has too few authors, or some of the first ones have no paraphrases.
    """
    paths = _destinations(folder)
    # Ask the provider for everything before anything is written.
    people = _people(provider, authors, holdout, perturbed_retain_authors)
    write_facts(provider, paths)
    return _write_people(provider, paths, *people)


def write_facts(
    provider: Provider, folder: str | os.PathLike | Mapping[str, str | os.PathLike]
) -> None:
    """Write the files that do not depend on the authors: true facts and refusals."""
    paths = _destinations(folder, FACT_FILES)
    for name, rows in _fact_rows(provider).items():
        write_rows(paths[name], rows)
    write_text(paths[REFUSALS], "".join(f"{line}\n" for line in provider.refusals()))


def write_authors(
    provider: Provider,
    folder: str | os.PathLike | Mapping[str, str | os.PathLike],
    authors: int,
    holdout: int,
    perturbed_retain_authors: int,
) -> dict:
    """Like ``write_world``, after ``write_facts`` has written its files; same arguments."""
    people = _people(provider, authors, holdout, perturbed_retain_authors)
    return _write_people(provider, _destinations(folder), *people)


def _people(provider: Provider, authors: int, holdout: int, perturbed_retain_authors: int):
    """Target authors, holdout authors, and the rows of the files that hold them."""
    target, holdout_authors = provider.authors(authors), provider.holdout(holdout)
    rows = {
        "full": [qa_row(item) for author in target for item in author.items],
        "full_perturbed": _perturbed_rows(target),
        "retain_perturbed": _first_perturbed(target, perturbed_retain_authors),
        "holdout": [qa_row(item) for author in holdout_authors for item in author.items],
    }
    return target, holdout_authors, rows


def _write_people(
    provider: Provider, paths: Mapping[str, Path], target, holdout_authors, rows
) -> dict:
    for name in AUTHOR_FILES:
        write_rows(paths[name], rows[name])
    known = rows | _fact_rows(provider) | {REFUSALS: provider.refusals()}
    counts = {name: len(known[name]) for name in (*ROW_FILES, REFUSALS)}
    card = _card(provider, target, holdout_authors, counts, paths)
    write_json(paths["card"], card, indent=2)
    return card


def _fact_rows(provider: Provider) -> dict[str, list[dict]]:
    rows = {}
    for kind, facts in provider.facts().items():
        rows[kind] = [fact_row(fact) for fact in facts]
        rows[f"{kind}_perturbed"] = [perturbed_fact_row(fact) for fact in facts]
    return rows


def _destinations(folder, names: Iterable[str] = ()) -> dict[str, Path]:
    """The path of each of the named files, or of all files if none is named."""
    names = tuple(names) or tuple(outputs(""))
    given = folder if isinstance(folder, Mapping) else outputs(folder)
    missing = [name for name in names if name not in given]
    if missing:
        raise LetheError(f"write_world: no path given for {', '.join(missing)}")
    return {name: Path(given[name]) for name in names}


def _perturbed_rows(authors: Sequence[Author]) -> list[dict]:
    return [perturbed_row(item) for author in authors for item in author.items if item.perturbed]


def _first_perturbed(authors: Sequence[Author], count: int) -> list[dict]:
    if not 1 <= count <= len(authors):
        raise LetheError(
            f"perturbed_retain_authors: {count} is not in 1 to {len(authors)}, the target authors"
        )
    rows = _perturbed_rows(authors[:count])
    if not rows and all(item.columns for author in authors for item in author.items):
        # Benchmarks in a form of their own have neither paraphrases nor wrong answers.
        return rows
    missing = sum(len(author.items) for author in authors[:count]) - len(rows)
    if missing:
        raise LetheError(
            f"perturbed_retain_authors: {missing} rows of the first {count} authors have no"
            " paraphrase or perturbed answers; lower the number"
        )
    return rows


def _card(
    provider, target, holdout_authors, counts: dict[str, int], paths: Mapping[str, Path]
) -> dict:
    source = getattr(provider, "source", provider)
    traces = getattr(provider, "traces", None)
    if traces is not None:
        traces = traces.model_dump(mode="json", exclude={"forget"})
    return {
        "format": 1,
        "provider": type(source).__module__.rpartition(".")[2],
        "seed": getattr(provider, "seed", None),
        **({} if traces is None else {"traces": traces}),
        "authors": len(target),
        "holdout_authors": len(holdout_authors),
        **_rows_each(target),
        "rows": counts,
        "balance": balance(target),
        "sha256": {name: sha256(path) for name, path in paths.items() if name != "card"},
    }


def _rows_each(authors: Sequence[Author]) -> dict[str, int]:
    """How many questions each author has; nothing for documents, which have more and fewer."""
    counts = {len(author.items) for author in authors}
    return (
        {"questions_per_author": QUESTIONS_PER_AUTHOR} if counts <= {QUESTIONS_PER_AUTHOR} else {}
    )


def balance(authors: Sequence[Author]) -> dict[str, dict[str, int]]:
    """For each attribute, how many authors have each of its values, most frequent first.

    Attributes whose values are nearly all different, such as titles, are left out.
    """
    counters: dict[str, Counter] = {}
    for author in authors:
        for attribute, value in author.attributes.items():
            counters.setdefault(attribute, Counter())[value] += 1
    return {
        attribute: dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))
        for attribute, counter in counters.items()
        if len(counter) <= min(_BALANCED_VALUES, max(1, len(authors) // 2))
    }
