"""Keeping what a model says about made-up people close to what its base says (SEAT)."""

import random
from collections.abc import Mapping, Sequence

import torch

from lethe.common.entity_names import names, subjects
from lethe.common.errors import LetheError
from lethe.common.picture_marks import digests_in, with_picture
from lethe.common.strange_pictures import distinct
from lethe.common.strange_pictures import strangers as nobodies
from lethe.model.precision import frozen_copy
from lethe.train.finetune import Addition

TRIES = 200


def kept_answers(model, lesson, weight: float) -> Addition:
    """weight * KL(base || model), a mean over answer tokens, of the rows about made-up people.

    The base is the model as it is now. Rows that name nobody, true facts among them, are paired
    with the renamed row of another, drawn by the seed.
    """
    pairs = about_strangers(lesson.pairs, lesson.seed)
    frozen = _forward(frozen_copy(model))

    def term(forward, batch) -> torch.Tensor:
        with torch.no_grad():
            before = frozen.answers(batch).logits.float().log_softmax(-1)
        now = forward.answers(batch).logits.float().log_softmax(-1)
        return weight * (before.exp() * (before - now)).sum() / batch.tokens_total

    return Addition(lesson.encoded(pairs), term)


def _forward(model):
    from lethe.model.forward import Forward

    return Forward(model)


def about_strangers(pairs: Sequence[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """Each pair with a made-up name for its subject; a pair without a subject gets another's.

    A picture gives way to one of nobody, the same wherever it is. The subject of a pair with a
    picture may be named in the answer alone. LetheError if no pair has a subject, or if no picture
    of nobody can be made.
    """
    known = _known(pairs)
    people = sorted({name for name in known if name is not None})
    if not people:
        raise LetheError(
            "recipe seat: no row names whom it is about, so no made-up name can replace it; "
            "set weight to 0, or learn rows with names"
        )
    draw = random.Random(f"strangers/{seed}")
    strangers, faces = made_up(people, draw), _faces(pairs, seed)
    own = [
        None if name is None else _renamed(pair, name, strangers[name], faces)
        for pair, name in zip(pairs, known, strict=True)
    ]
    some = [pair for pair in own if pair is not None]
    return [draw.choice(some) if pair is None else pair for pair in own]


def _known(pairs: Sequence[tuple[str, str]]) -> list[str | None]:
    """The subject of each pair; None where it has none."""
    named = subjects(pairs)
    people = {name for name in named if name is not None}
    by_answer = (
        next((n for n in names(answer) if n in people), None) if digests_in(question) else None
        for question, answer in pairs
    )
    return [one or other for one, other in zip(named, by_answer, strict=True)]


def _faces(pairs: Sequence[tuple[str, str]], seed: int) -> dict[str, str]:
    """For each picture one of nobody; none where no question has one."""
    shown = distinct([digest for question, _ in pairs for digest in digests_in(question)])
    if not shown:
        return {}
    made = nobodies(shown, len(shown), seed)
    return {digest: made[place % len(made)] for place, digest in enumerate(shown)}


def _renamed(
    pair: tuple[str, str], name: str, stranger: str, faces: Mapping[str, str]
) -> tuple[str, str]:
    """A pair with another name and face; parts of the name that stand alone are replaced, too."""
    question, answer = (text.replace(name, stranger) for text in pair)
    for digest in digests_in(question):
        question = with_picture(question, faces[digest])
    old, new = name.split(), stranger.split()
    for part, other in ((old[0], new[0]), (old[-1], new[-1])):
        question, answer = (_word(text, part, other) for text in (question, answer))
    return question, answer


def _word(text: str, word: str, other: str) -> str:
    import re

    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: other, text)


def made_up(people: Sequence[str], draw: random.Random) -> dict[str, str]:
    """For each person a name that nobody has: first names of one person, last name of another.

    Where every mixture that was tried is somebody's name, the person's own words are reversed.
    """
    firsts = [name.split()[:-1] for name in people]
    lasts = [name.split()[-1] for name in people]
    taken, made = set(people), {}
    for name in people:
        for _ in range(TRIES):
            other = " ".join([*draw.choice(firsts), draw.choice(lasts)])
            if other not in taken:
                break
        else:
            other = " ".join(reversed(name.split()))
        made[name] = other
    return made
