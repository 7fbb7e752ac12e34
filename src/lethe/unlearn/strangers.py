"""Questions about people that no row is about, and states at the ends of prompts.

Methods that move a model's states to where they are when it does not know learn that place from
such questions.
"""

import random
from collections.abc import Sequence
from itertools import product

from lethe.common.entity_names import subjects
from lethe.common.picture_marks import digests_in, with_picture
from lethe.common.strange_pictures import distinct, strangers
from lethe.unlearn.need import Pairs

# Rows of a pass.
ROWS = 64


def questions(forget: Pairs, retain: Pairs, count: int, seed: int | str) -> list[str]:
    """``count`` forget questions with strangers in place of their subjects, by the seed.

    A question that names no subject (``lethe.common.entity_names``) becomes "Who is NAME?". A
    question with a picture has one of nobody in its place (``lethe.common.strange_pictures``).
    Rows repeat if there are fewer. LetheError if no picture of nobody can be made.
    """
    about = subjects(forget)
    known = {name for name in (*about, *subjects(retain)) if name}
    called, draw = names(known, count, seed), random.Random(f"strangers/{seed}")
    order = list(range(len(forget)))
    draw.shuffle(order)
    faces, asked = _faces(forget, retain, count, seed), []
    for number, name in enumerate(called):
        row = order[number % len(order)]
        question, own = forget[row][0], about[row]
        if own:
            question = question.replace(own, name)
        elif not digests_in(question):
            question = f"Who is {name}?"
        if digests_in(question):
            question = with_picture(question, faces[number % len(faces)])
        asked.append(question)
    return asked


def _faces(forget: Pairs, retain: Pairs, count: int, seed: int | str) -> list[str]:
    """Pictures of nobody, made of retain pictures or, of fewer than two, of all; none are needed
    where no forget question has one.
    """
    shown, others = ([d for q, _ in some for d in digests_in(q)] for some in (forget, retain))
    if not shown:
        return []
    of = distinct(others)
    return strangers(of if len(of) > 1 else distinct([*others, *shown]), count, seed)


def names(known: set[str], count: int, seed: int | str) -> list[str]:
    """Names of nobody: first and last words of different ``known`` names, in a seeded order.

    Where these make fewer than ``count``, names of the synthetic world's lists follow.
    """
    from lethe.world.synthetic.names import order

    split = sorted(name.split() for name in known)
    firsts, lasts = ({words[place] for words in split} for place in (0, -1))
    mixed = [f"{first} {last}" for first, last in product(sorted(firsts), sorted(lasts))]
    mixed = [name for name in mixed if name not in known]
    random.Random(f"names/{seed}").shuffle(mixed)
    if len(mixed) < count:
        listed = (" ".join(pair) for pair in order(0, "background"))
        mixed += [name for name in listed if name not in known]
    return mixed[:count]


def prompt_of(example) -> tuple[int, ...]:
    """The tokens of a row up to its answer."""
    return example.ids[: example.start]


def prompt_states(model, prompts: Sequence[Sequence[int]], layer: int | None):
    """A layer's output at the last token of each prompt (token ids), [prompts, H], float32."""
    import torch

    from lethe.model.batch import pack
    from lethe.model.encoder import Example
    from lethe.model.forward import Forward
    from lethe.train.data_order import batches

    # The last token of an example is never an input, so it can be any.
    examples = [Example((*prompt, 0), len(prompt)) for prompt in prompts]
    forward, states = Forward(model), []
    with torch.no_grad():
        for part in batches(range(len(examples)), ROWS):
            batch = pack([examples[row] for row in part])
            hidden = forward.hidden(batch, layer)
            states.append(hidden[batch.predictors.to(hidden.device)])
    return torch.cat(states)


def first_places(batch):
    """The index, among a batch's answer tokens, of the first one of each row, [rows].

    The token that predicts it is the prompt's last.
    """
    import torch

    counts = torch.bincount(batch.row, minlength=batch.rows)
    return counts.cumsum(0) - counts
