"""``requests``: requests to forget that come one after another, each run starting from the last."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from lethe.pipeline.config.keys import Count, Names, Section, key, one_or_list, unique

Author = Annotated[int, Field(ge=0)]


class Asked(Section):
    """One request: the next ``next`` authors of the pool, or ``authors``, all or some ``facts``."""

    next: Count | None = key(None, "how many further authors of the pool it asks for")
    authors: unique(Author) = key([], "the numbers of its authors")
    facts: Annotated[unique(Author), Field(min_length=1)] | None = key(
        None, "the numbers of its facts of each; null: all"
    )


def _as_mapping(value: Any) -> Any:
    if isinstance(value, Asked):
        return value
    if type(value) is int and value > 0:
        return {"next": value}
    if isinstance(value, list) and value:
        return {"authors": value}
    if isinstance(value, Mapping) and {"authors"} <= {*value} <= {"authors", "facts"}:
        return value
    raise ValueError(
        "write how many further authors of the pool, a list of authors, or {authors: LIST, facts: "
        "LIST}"
    )


Request = Annotated[
    Asked, BeforeValidator(_as_mapping), WithJsonSchema({"type": ["integer", "array", "object"]})
]


class Requests(Section):
    """A sequence of requests, and the methods that answer them one by one."""

    pool: one_or_list(Count, unique(Author)) | None = key(
        None,
        "the authors who may be asked for: a number of last authors, or a list of authors, from "
        "0; the retain set has all others",
        "every request, its runs and what is measured of them",
        "a number; a list of numbers; null",
    )
    asked: list[Request] = key(
        [],
        "the requests in order, each as the number of further authors of the pool, as a list of "
        "authors, or as `{authors: LIST, facts: LIST}` with facts from 0",
        "a further one: its own files, runs, evaluation and oracle, that of full on its questions; "
        "`request_scores`, `table_requests`, figures",
        "`[1, 1, 2]`, `[[57], [58, 59]]`; may be empty",
    )
    methods: Names = key(
        [],
        "methods that are run on the sequence, each run starting from the end of the last; they "
        "need not be among `methods`",
        "a new one: its runs; `request_scores`, `table_requests`, figures",
        "a list of names; may be empty",
    )
    oracles_at: unique(Count) | None = key(
        None,
        "the requests, counted from 1, after which there is an oracle that learned nothing of "
        "what was asked for by then; null: the last",
        "a new one: its oracle; forget quality there",
        "a list of numbers, may be empty; null",
    )
