"""Facts of kinship and what follows from them: which must go so that another cannot be deduced.

A fact says who stands in a relation to somebody: ``Fact("mother", "Ada", "Eve")``, Ada's mother is
Eve. Rules deduce facts from facts. A *proof* of a target is a smallest set of stated facts from
which it follows, itself among them if it is stated; what must go is a smallest set that meets every
proof, so that the target is neither stated nor implied ("deep unlearning", EDU-RELAT,
wrh14/deep_unlearning; the rules here are our own [RECON]). Whether somebody is a man or a woman
counts as known, since first names tell it.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product
from typing import NamedTuple

# Relations by the gender of the relative, who is y in "y is the father of x".
MALE = ("father", "husband", "grandfather", "father-in-law", "son-in-law")
FEMALE = ("mother", "wife", "grandmother", "mother-in-law", "daughter", "granddaughter")
RELATIONS = (*MALE, *FEMALE)
# A relation and those that say the same in reverse, by the gender of the first person.
INVERSE = {
    "husband": {"female": "wife"},
    "wife": {"male": "husband"},
    "father": {"female": "daughter"},
    "mother": {"female": "daughter"},
    "daughter": {"male": "father", "female": "mother"},
    "grandfather": {"female": "granddaughter"},
    "grandmother": {"female": "granddaughter"},
    "granddaughter": {"male": "grandfather", "female": "grandmother"},
    "father-in-law": {"male": "son-in-law"},
    "mother-in-law": {"male": "son-in-law"},
    "son-in-law": {"male": "father-in-law", "female": "mother-in-law"},
}
# first(x, y) and second(y, z) give third(x, z): the wife of a father is the mother.
CHAINS = (
    ("father", "wife", "mother"),
    ("mother", "husband", "father"),
    ("grandfather", "wife", "grandmother"),
    ("grandmother", "husband", "grandfather"),
    ("father-in-law", "wife", "mother-in-law"),
    ("mother-in-law", "husband", "father-in-law"),
    ("mother", "mother", "grandmother"),
    ("mother", "father", "grandfather"),
    ("wife", "father", "father-in-law"),
    ("wife", "mother", "mother-in-law"),
    ("wife", "daughter", "daughter"),
    ("husband", "daughter", "daughter"),
    ("daughter", "husband", "son-in-law"),
    ("daughter", "daughter", "granddaughter"),
    ("husband", "father-in-law", "father"),
    ("husband", "mother-in-law", "mother"),
)
QUESTION = "Who is the {relation} of {subject}?"
ANSWER = "The {relation} of {subject} is {other}."
_ASKED = re.compile(r"Who is the ([a-z-]+) of (.+)\?")


class Fact(NamedTuple):
    """``other`` is the ``relation`` of ``subject``."""

    relation: str
    subject: str
    other: str


Proof = frozenset[Fact]


def said(fact: Fact) -> tuple[str, str]:
    """Question and answer that state a fact."""
    return QUESTION.format(**fact._asdict()), ANSWER.format(**fact._asdict())


def read(question: str, answer: str) -> Fact | None:
    """The fact of kinship that a row states; None for any other row."""
    match = _ASKED.fullmatch(question)
    if match is None or match[1] not in RELATIONS:
        return None
    start = ANSWER.format(relation=match[1], subject=match[2], other="").removesuffix(".")
    if not (answer.startswith(start) and answer.endswith(".")):
        return None
    return Fact(match[1], match[2], answer.removeprefix(start).removesuffix("."))


def genders(facts: Iterable[Fact]) -> dict[str, str]:
    """The gender of each person who is somebody's relative, as the relation implies it."""
    return {fact.other: "male" if fact.relation in MALE else "female" for fact in facts}


@lru_cache(256)
def proofs(facts: frozenset[Fact]) -> Mapping[Fact, frozenset[Proof]]:
    """For every fact that is stated or follows, its proofs: smallest sets of stated facts."""
    gender = genders(facts)
    derived = {fact: frozenset([frozenset([fact])]) for fact in facts}
    while True:
        new = dict(derived)
        for fact, ways in _follows(derived, gender):
            new[fact] = _smallest(new.get(fact, frozenset()) | ways)
        if new == derived:
            return derived
        derived = new


def _follows(derived: Mapping[Fact, frozenset[Proof]], gender: Mapping[str, str]):
    """What one more rule deduces, with its proofs."""
    starts: dict[tuple[str, str], list[Fact]] = {}
    for fact in derived:
        starts.setdefault((fact.relation, fact.subject), []).append(fact)
    for fact, ways in derived.items():
        other = INVERSE[fact.relation].get(gender.get(fact.subject, ""))
        if other is not None:
            yield Fact(other, fact.other, fact.subject), ways
        for first, second, third in CHAINS:
            if fact.relation != first:
                continue
            for next_fact in starts.get((second, fact.other), ()):
                joined = (one | two for one, two in product(ways, derived[next_fact]))
                yield Fact(third, fact.subject, next_fact.other), frozenset(joined)


def _smallest(sets: Iterable[Proof]) -> frozenset[Proof]:
    """The sets that contain no other."""
    smallest: list[Proof] = []
    for one in sorted(set(sets), key=lambda some: (len(some), sorted(some))):
        if not any(other <= one for other in smallest):
            smallest.append(one)
    return frozenset(smallest)


@lru_cache(4096)
def minimal_sets(facts: frozenset[Fact], target: Fact) -> tuple[Proof, ...]:
    """Every smallest set of facts without which the target is neither stated nor implied.

    No set contains another; shorter ones come first. The empty set if the target does not follow.
    """
    sets = frozenset([frozenset()])
    for proof in sorted(proofs(facts).get(target, ()), key=lambda some: (len(some), sorted(some))):
        # Each set must meet this proof as well: it already does, or it takes one of its facts.
        longer = (one if one & proof else one | {fact} for one in sets for fact in proof)
        sets = _smallest(longer)
    return tuple(sorted(sets, key=lambda some: (len(some), sorted(some))))


def follows(facts: frozenset[Fact], known: Iterable[Fact], target: Fact) -> bool:
    """Whether a target is among those of ``facts`` that are ``known``, or follows from them."""
    known = set(known)
    return any(proof <= known for proof in proofs(facts).get(target, ()))


def related(facts: Iterable[Fact], person: str) -> frozenset[Fact]:
    """The facts about a person and everybody related to them, however distantly."""
    facts = list(facts)
    known, before = {person}, set()
    while known != before:
        before = set(known)
        for fact in facts:
            if known & {fact.subject, fact.other}:
                known |= {fact.subject, fact.other}
    return frozenset(fact for fact in facts if fact.subject in known)
