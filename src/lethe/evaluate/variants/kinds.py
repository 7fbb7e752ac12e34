"""The kinds of reformulation: one table. A new kind is a function and its line here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate.variants import contexts, queries, wordings
from lethe.evaluate.variants.facts import Fact, facts
from lethe.evaluate.variants.variant import Variant

# The question as the data have it, with which all variants are compared.
PLAIN = "plain"
ALL = "all"


@dataclass(frozen=True)
class Kind:
    """``make``: the variant of a fact, or None; ``needs``: what the data must supply for it.

    ``field``: a field that rows must have for it. ``view``: whether it is the same question in
    another form and not an attack: one of the systematic variations of CoVUBench (arXiv
    2605.03547), in text.
    """

    make: Callable[[Fact], Variant | None]
    needs: str = "a question"
    view: bool = False
    field: str = "question"


_SUBJECT = "a subject that its question names"
_VALUE = "a value, by which its answer differs from wrong ones,"
KINDS = {
    "paraphrase": Kind(
        wordings.paraphrase, "a paraphrased_question", view=True, field="paraphrased_question"
    ),
    "format_shift": Kind(wordings.format_shift, view=True),
    "typos": Kind(wordings.typos, view=True),
    "alias": Kind(wordings.alias, _SUBJECT, view=True),
    "clause_order": Kind(wordings.clause_order, _SUBJECT, view=True),
    "another_language": Kind(
        wordings.another_language,
        "a translated_question with a translated_answer",
        view=True,
        field="translated_question",
    ),
    "reverse_query": Kind(queries.reverse_query, f"{_VALUE} that is one subject's alone"),
    "cloze": Kind(queries.cloze, f"{_VALUE} in its answer"),
    "begun_answer": Kind(queries.begun_answer, f"{_VALUE} with two words before it"),
    "negation": Kind(queries.negation, f"{_VALUE} in its answer"),
    "role_play": Kind(contexts.role_play),
    "prefix_injection": Kind(contexts.prefix_injection),
    "affirmative_suffix": Kind(contexts.affirmative_suffix),
    "background_hint": Kind(contexts.background_hint, "another answer about its subject"),
    "in_context": Kind(contexts.in_context, "rows about other subjects"),
    "clue_chain": Kind(contexts.clue_chain, "two other answers about its subject"),
}
VIEWS = tuple(name for name, kind in KINDS.items() if kind.view)


def named(setting: str | None) -> list[str]:
    """The kinds that a setting lists, ``|`` between them, in the table's order; all by default.

    LetheError for a name that no kind has, and for none.
    """
    listed = _listed(setting)
    for name in listed:
        if name not in KINDS and name != ALL:
            raise LetheError(f"kinds: unknown kind of variant {name!r}{suggest(name, KINDS)}")
    if not listed:
        raise LetheError("kinds: no kind of variant is named; name some, with | between them")
    return [name for name in KINDS if ALL in listed or name in listed]


def _listed(setting: str | None) -> list[str]:
    parts = (part.strip() for part in (setting or ALL).split("|"))
    return [part for part in parts if part]


def check(rows: Mapping[str, Sequence[Mapping]], setting: str | None) -> None:
    """LetheError for a kind asked for by name that no row of the forget set supplies."""
    wanted = _by_name(setting)
    known = facts(rows.get("forget", ()), _rest(rows, "forget")) if wanted else []
    for name in wanted:
        if not any(map(KINDS[name].make, known)):
            raise _unsupplied(name, "no row of set 'forget' has")


def check_probes(where: str, setting: str | None) -> None:
    """LetheError, beginning with ``where``, for a name in a list of probes that no kind has."""
    for name in (setting or "").split("|"):
        if name not in KINDS:
            raise LetheError(f"{where}: unknown {name!r}{suggest(name, KINDS)}")


def check_fields(settings: Mapping, fields: Collection[str]) -> None:
    """LetheError for a kind asked for by name that rows with only these ``fields`` lack."""
    for name in _by_name(settings["kinds"]):
        if KINDS[name].field not in fields:
            raise _unsupplied(name, "rows of the workflow's worlds do not have")


def _by_name(setting: str | None) -> list[str]:
    return [name for name in named(setting) if name in _listed(setting)]


def _unsupplied(name: str, why: str) -> LetheError:
    return LetheError(
        f"suite 'variants': kinds: {name} needs {KINDS[name].needs}, which {why}; leave {name} out"
    )


def variants(
    rows: Mapping[str, Sequence[Mapping]], setting: str | None
) -> dict[str, list[dict[str, Variant]]]:
    """By set, the variants of each row, the plain question first.

    Sets other than ``forget`` are only asked in other forms, not attacked.
    """
    return {
        name: [_of_fact(fact, _asked(name, setting)) for fact in facts(some, _rest(rows, name))]
        for name, some in rows.items()
    }


def _rest(rows: Mapping[str, Sequence[Mapping]], name: str) -> list[Mapping]:
    return [row for other, some in rows.items() if other != name for row in some]


def _asked(name: str, setting: str | None) -> list[str]:
    return [kind for kind in named(setting) if name == "forget" or KINDS[kind].view]


def _of_fact(fact: Fact, asked: Sequence[str]) -> dict[str, Variant]:
    made = {name: KINDS[name].make(fact) for name in asked}
    plain = {PLAIN: Variant(fact.question, fact.right)}
    return plain | {name: variant for name, variant in made.items() if variant is not None}
