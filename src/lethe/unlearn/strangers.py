"""Questions about people that no row is about, and states at the ends of prompts.

Methods that move a model's states to where they are when it does not know learn that place from
such questions.
"""

import random
from collections.abc import Sequence
from itertools import product

from lethe.common.entity_names import subjects
from lethe.unlearn.need import Pairs

# Rows of a pass.
ROWS = 64


def questions(forget: Pairs, retain: Pairs, count: int, seed: int | str) -> list[str]:
    """``count`` forget questions with strangers in place of their subjects, by the seed.

    A question that names no subject (``lethe.common.entity_names``) becomes "Who is NAME?". Rows
    repeat if there are fewer.
    """
    about = subjects(forget)
    known = {name for name in (*about, *subjects(retain)) if name}
    called, draw = names(known, count, seed), random.Random(f"strangers/{seed}")
    order = list(range(len(forget)))
    draw.shuffle(order)
    asked = []
    for number, name in enumerate(called):
        row = order[number % len(order)]
        own = about[row]
        asked.append(forget[row][0].replace(own, name) if own else f"Who is {name}?")
    return asked


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
