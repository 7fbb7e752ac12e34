"""Finds out, at a model's first generation, whether it can generate with a cache.

This is separate from the probe at loading, so that editing the code for generation does not rerun
jobs that only train.
"""

from dataclasses import replace
from functools import partial

import torch

from lethe.model import attached, batch_layout, miniature, mixing_probe, token_mixing
from lethe.model.decoding import GENERATORS
from lethe.model.mixing_probe import Trial
from lethe.model.token_mixing import Mixing

CODE = f"{batch_layout.CODE} generation_probe decoding static_decoding"


def fitted(model) -> Mixing:
    """A model's layout with its way of generating, which is probed at the first call and stored."""
    token_mixing.check_next_tokens(model)
    mixed = token_mixing.of(model)
    if mixed.generation is None:
        key = batch_layout.key(model, attached.model_state(model).fitting, CODE)
        probed, _ = batch_layout.remembered(key, partial(_probed, model, mixed))
        mixed = replace(probed, positions=mixed.positions)
        attached.update_model(model, mixing=mixed)
    return mixed


def _probed(model, mixed: Mixing) -> tuple[Mixing, str]:
    fitting = attached.model_state(model).fitting
    plain = batch_layout.plain_copy(model, fitting)
    if mixed.layout == token_mixing.PACKED:
        copy = batch_layout.packed_copy(plain, fitting.kind, model.dtype)
    else:
        copy = mixing_probe.twin(plain)
    return completed(copy, plain, mixed, miniature.lengths(model.config)), fitting.kind


def completed(model, plain, mixed: Mixing, named: list[int]) -> Mixing:
    """``mixed`` with how ``model`` generates short and long texts, checked against ``plain``."""
    coarse, packed = mixing_probe.coarse(model), mixed.layout == token_mixing.PACKED
    # Our cache works only with the attention of packed rows.
    short = packed and _is_cached(model, Trial(plain, mixing_probe.SHORT, coarse), mixed)
    later = replace(mixed, layout=mixed.beyond_layout)
    long = short and _is_cached(model, Trial(plain, mixing_probe.LONG, coarse), later)
    return replace(
        mixed,
        generation=token_mixing.CACHED if short else token_mixing.RECOMPUTED,
        beyond_generation=token_mixing.CACHED if long else token_mixing.RECOMPUTED,
        until=mixed.until if short == long else mixing_probe.until(named),
    )


def _is_cached(model, trial: Trial, mixed: Mixing) -> bool:
    whole = replace(mixed, generation=token_mixing.CACHED, until=None)
    return mixing_probe.tried(model, whole, partial(steps_are_right, trial))


def steps_are_right(trial: Trial, model) -> bool:
    """Whether each step of generation has the right logits, when the answers are given."""
    examples = trial.examples
    got: list[list[torch.Tensor]] = [[] for _ in examples]

    def choose(logits, rows):
        for row, values in zip(rows, logits, strict=True):
            got[row].append(values.float())
        return torch.tensor(
            [examples[row].ids[examples[row].start :][len(got[row]) - 1] for row in rows]
        )

    prompts = [example.ids[: example.start] for example in examples]
    limits = torch.tensor(list(map(len, examples)))
    GENERATORS[token_mixing.of(model).generation](prompts, model, limits, 0, choose)
    pairs = zip(got, trial.wanted, strict=True)
    return all(trial.near(torch.stack(logits), wanted) for logits, wanted in pairs)
