"""Generates answers in batches of similar length, which finished rows leave."""

from collections.abc import Sequence
from functools import partial

import torch

from lethe.common import devices
from lethe.model import attached, generation_probe, repetition, token_mixing
from lethe.model.decoding import GENERATORS, Choice, Stops

# Places in a batch's cache, rows times length, by measurement (docs/benchmarks.md): with fewer, the
# overhead of calls dominates each step; more do not fit in a processor's caches. A GPU is limited
# by its memory, of which the cache may take this share.
PLACES = {"cpu": 2**15, "cuda": 2**17}
SHARE = 1 / 8


def greedy(
    model,
    prompts: Sequence[Sequence[int]],
    max_length: int | Sequence[int],
    end: int,
    batch_size: int | None = None,
    max_new_tokens: int | None = None,
    begun: Sequence[Sequence[int]] | None = None,
) -> list[list[int]]:
    """Greedy decoding: ``continuations`` with the likeliest token at each step.

    A row also ends when its answer has ``max_new_tokens``. ``begun``: tokens with which greedy
    decoding is known to begin each answer. They are computed at once, like a part of the prompt,
    instead of one after the other.
    """
    longest = _each(max_length, len(prompts))
    limits = [_limit(len(p), n, max_new_tokens) for p, n in zip(prompts, longest, strict=True)]
    known = [
        list(some[: max(0, limit - len(prompt))])
        for some, limit, prompt in zip(begun or [()] * len(prompts), limits, prompts, strict=True)
    ]
    answers = [some[: some.index(end)] if end in some else some for some in known]
    open_ = [
        i
        for i, some in enumerate(known)
        if end not in some and len(prompts[i]) + len(some) < limits[i]
    ]
    before, most = [[*prompts[i], *known[i]] for i in open_], [limits[i] for i in open_]
    estimator = attached.model_state(model).estimator
    if estimator is None:
        rest = _likeliest(model, before, most, end, batch_size)
    else:
        rest = estimator.decoded(model, before, most, end)
    for i, more in zip(open_, rest, strict=True):
        answers[i] = known[i] + more
    return answers


def _likeliest(
    model, prompts: list[list[int]], limits: list[int], end: int, batch_size: int | None
) -> list[list[int]]:
    """Greedy ``continuations``; those that repeat themselves are read ahead (``repetition``)."""
    answers: list[list[int]] = [[] for _ in prompts]
    going, span = list(range(len(prompts))), repetition.SPAN
    while going:
        before, most = [prompts[i] + answers[i] for i in going], [limits[i] for i in going]
        stops = partial(repetition.all_repeat, span=span) if repetition.suits(model) else None
        more = continuations(model, before, most, end, _best, batch_size, stops)
        repeated = []
        for i, some in zip(going, more, strict=True):
            answers[i] += some
            # It may also have ended here by itself; then the model agrees with no further token.
            length = repetition.period(some, span) if stops else 0
            if length and len(prompts[i]) + len(answers[i]) < limits[i]:
                repeated.append((i, length))
        going = _read_ahead(model, prompts, answers, limits, repeated)
        span *= 2
    return answers


def _read_ahead(model, prompts, answers, limits, repeated: list[tuple[int, int]]) -> list[int]:
    """Extend answers, in place, as long as they repeat; returns those that still go on.

    ``repeated``: the indices of answers, and their periods.
    """
    if not repeated:
        return []
    chosen = [i for i, _ in repeated]
    columns = [[values[i] for i in chosen] for values in (prompts, answers, limits)]
    agreed = repetition.agreed(model, *columns[:2], [length for _, length in repeated], columns[2])
    for i, some in zip(chosen, agreed, strict=True):
        answers[i] += some
    return [i for i in chosen if len(prompts[i]) + len(answers[i]) < limits[i]]


def _best(logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
    return logits.argmax(-1)


@torch.inference_mode()
def continuations(
    model,
    prompts: Sequence[Sequence[int]],
    max_length: int | Sequence[int],
    end: int,
    choose: Choice,
    batch_size: int | None = None,
    stops: Stops | None = None,
) -> list[list[int]]:
    """The continuation of each prompt (token ids), without its end token, in the prompts' order.

    A row ends at the token ``end``, or when prompt and answer together have ``max_length`` tokens
    (one limit for all rows, or one for each), as in TOFU. ``batch_size`` None: as many rows at a
    time as is fastest. ``stops`` as in ``decoding``.
    """
    if not prompts:
        # No reason to probe the model, for example if all answers were known.
        return []
    longest = _each(max_length, len(prompts))
    token_mixing.check_lengths(model, longest, "a question with its answer")
    generate = GENERATORS[generation_probe.fitted(model).generation_of(max(longest, default=0))]
    if batch_size is None:
        batch_size = rows_at_a_time(model, max(longest, default=1))
    answers: list[list[int]] = [[] for _ in prompts]
    # Prompts of similar length next to each other need little padding.
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        generated = generate(
            [prompts[i] for i in chosen],
            model,
            torch.tensor([longest[i] for i in chosen]),
            end,
            lambda logits, rows, chosen=chosen: choose(logits, [chosen[row] for row in rows]),
            stops=stops,
        )
        for i, answer in zip(chosen, generated, strict=True):
            answers[i] = answer
    return answers


def rows_at_a_time(model, length: int) -> int:
    """How many rows of ``length`` tokens are generated together.

    It depends on the device alone, and on how many jobs share it.
    """
    places = PLACES[model.device.type]
    if model.device.type == "cuda":
        memory = torch.cuda.get_device_properties(model.device).total_memory
        places = min(places, int(memory * SHARE / devices.sharers()) // place_bytes(model))
    return max(1, places // length)


def place_bytes(model) -> int:
    """Bytes in the cache for each token: a key and a value in each layer."""
    config = model.config.get_text_config()
    # In a model of several parts whose tokens are bytes (BLT), the part that generates.
    config = getattr(config, "decoder_config", None) or config
    # Models without heads have no such cache; recomputing takes about as much memory per width.
    count = getattr(config, "num_attention_heads", None) or 1
    heads = getattr(config, "num_key_value_heads", None) or count
    size = getattr(config, "head_dim", None) or config.hidden_size // count
    return 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize


def _each(value: int | Sequence[int], count: int) -> list[int]:
    """A list of ``count`` values; a single number stands for all of them."""
    return [value] * count if isinstance(value, int) else list(value)


def _limit(prompt: int, max_length: int, max_new_tokens: int | None) -> int:
    """Tokens of prompt and answer at which a row ends."""
    return max_length if max_new_tokens is None else min(max_length, prompt + max_new_tokens)
