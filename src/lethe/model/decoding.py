"""Generates one batch of answers token by token, with a cache or by recomputing each step.

Finished rows leave the batch and the cache.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from transformers.cache_utils import Cache, DynamicLayer

from lethe.model import sight, static_decoding, token_mixing
from lethe.model.batch import pack, to_device
from lethe.model.decoders import decoder_of
from lethe.model.encoder import Example
from lethe.model.forward import hidden_states, project

# Chooses the next token of each row: logits [B, V] and the indices of their prompts -> [B].
Choice = Callable[[torch.Tensor, list[int]], torch.Tensor]
# Whether a batch stops although its answers may go on; asked of all unfinished ones at each step.
Stops = Callable[[list[list[int]]], bool]
# Tokens by which a cache layer grows: growing by one would copy everything at each step.
CHUNK = 64


class PreallocatedLayer(DynamicLayer):
    """Keys and values of one layer, in buffers with room for more tokens; rows can be removed."""

    def lazy_initialization(self, key_states, value_states) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.rows, self.length = key_states.shape[0], 0
        self.key_buffer = key_states[:, :, :0]
        self.value_buffer = value_states[:, :, :0]
        self.is_initialized = True

    def update(self, key_states, value_states, *args, **kwargs):
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        rows, end = self.rows, self.length + key_states.shape[2]
        if end > self.key_buffer.shape[2]:
            self.key_buffer = _grown(self.key_buffer[:rows], end + CHUNK)
            self.value_buffer = _grown(self.value_buffer[:rows], end + CHUNK)
        self.key_buffer[:rows, :, self.length : end] = key_states
        self.value_buffer[:rows, :, self.length : end] = value_states
        self.length = end
        self.keys = self.key_buffer[:rows, :, :end]
        self.values = self.value_buffer[:rows, :, :end]
        return self.keys, self.values

    @property
    def pair(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of the rows, [B, H, S, D]."""
        return tuple(b[: self.rows, :, : self.length] for b in (self.key_buffer, self.value_buffer))

    def keep(self, holes: torch.Tensor, fillers: torch.Tensor, rows: int) -> None:
        """Shrink to ``rows`` rows: those at ``fillers`` move to ``holes``, the others stay."""
        if len(holes):
            for buffer in (self.key_buffer, self.value_buffer):
                buffer[holes, :, : self.length] = buffer[fillers, :, : self.length]
        self.rows = rows

    def repeat(self, copies: int) -> None:
        """Put ``copies`` of each row in its place."""
        self.key_buffer = self.key_buffer[: self.rows].repeat_interleave(copies, 0)
        self.value_buffer = self.value_buffer[: self.rows].repeat_interleave(copies, 0)
        self.rows *= copies


class RowCache(Cache):
    """Keys and values of a batch's rows, layer by layer.

    ``notes``: what interventions remember about each row while it is generated, tensors [rows].
    """

    def __init__(self, layers: int):
        super().__init__(layers=[PreallocatedLayer() for _ in range(layers)])
        self.notes: dict[int, torch.Tensor] = {}

    def leave(self, alive: torch.Tensor) -> torch.Tensor:
        """Remove finished rows; returns the old index of each remaining row, in the new order.

        The last rows take the places of finished ones: moving all would copy the whole cache.
        """
        rows = int(alive.sum())
        keep = torch.arange(rows)
        holes = (~alive[:rows]).nonzero().squeeze(1)
        fillers = alive[rows:].nonzero().squeeze(1) + rows
        keep[holes] = fillers
        for layer in self.layers:
            layer.keep(holes.to(layer.device), fillers.to(layer.device), rows)
        self.notes = {place: note[keep.to(note.device)] for place, note in self.notes.items()}
        return keep

    def repeat(self, copies: int) -> None:
        """Put ``copies`` of each row, with what is remembered of it, in its place."""
        for layer in self.layers:
            layer.repeat(copies)
        self.notes = {
            place: note.repeat_interleave(copies, 0) for place, note in self.notes.items()
        }


def _grown(buffer: torch.Tensor, length: int) -> torch.Tensor:
    bigger = buffer.new_empty(*buffer.shape[:2], length, buffer.shape[3])
    bigger[:, :, : buffer.shape[2]] = buffer
    return bigger


def cached(
    prompts: list[Sequence[int]],
    model,
    limits: torch.Tensor,
    end: int,
    choose: Choice,
    copies: int = 1,
    stops: Stops | None = None,
) -> list[list[int]]:
    """Answers of one batch: prefill, then one token per step for the unfinished rows.

    ``limits`` [prompts]: tokens of prompt and answer at which a row ends; ``end``: the end token.
    Each prompt has ``copies`` answers, one after the other, which share the prefill of the prompt.
    ``stops`` is not asked where steps are recorded.
    """
    longest = max(map(len, prompts))
    pads = torch.tensor([longest - len(prompt) for prompt in prompts])
    ids = torch.tensor([[end] * (longest - len(p)) + list(p) for p in prompts])
    place = torch.arange(longest)
    seen = place[None, :] >= pads[:, None]
    # Padding on the left must see something: its outputs are never read, but NaN would spread.
    causal = place[None, :, None] >= place[None, None, :]
    own = place[:, None] == place[None, :]
    mask = (causal & seen[:, None, :]) | own
    positions = (place[None, :] - pads[:, None]).clamp(min=0)
    cache = RowCache(model.config.get_text_config().num_hidden_layers)
    logits = _next(model, ids, positions, mask[:, None], cache)
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    if copies > 1:
        cache.repeat(copies)
        logits, seen, lengths, limits = (
            each.repeat_interleave(copies, 0) for each in (logits, seen, lengths, limits)
        )
    rows = torch.arange(len(lengths))
    if static_decoding.suits(model):
        token = choose(logits, rows.tolist()).cpu()
        pairs = [layer.pair for layer in cache.layers]
        compute = partial(_next, model, one_token=True)
        return static_decoding.generate(compute, pairs, seen, lengths, limits, end, choose, token)
    answers: list[list[int]] = [[] for _ in lengths]
    # All rows see the tokens still to come. Without padding, SDPA needs no mask after the prompt.
    seen = torch.cat([seen, seen.new_ones(len(seen), int(limits.max()))], dim=1)
    padded = bool(pads.any())
    token = choose(logits, rows.tolist()).cpu()
    while True:
        lengths = lengths + 1
        alive = (token != end) & (lengths <= limits)
        for row, value, goes_on in zip(rows.tolist(), token.tolist(), alive.tolist(), strict=True):
            if goes_on:
                answers[row].append(value)
        alive &= lengths < limits
        if not alive.any() or (stops and stops([answers[row] for row in rows[alive].tolist()])):
            return answers
        if not alive.all():
            keep = cache.leave(alive)
            rows, token, lengths, limits = rows[keep], token[keep], lengths[keep], limits[keep]
            seen = seen[keep]
        width = cache.get_seq_length() + 1
        mask = seen[:, None, None, :width] if padded else seen.new_ones(1, 1, 1, 1)
        logits = _next(model, token[:, None], lengths[:, None] - 1, mask, cache)
        token = choose(logits, rows.tolist()).cpu()


def recomputed(
    prompts: list[Sequence[int]],
    model,
    limits: torch.Tensor,
    end: int,
    choose: Choice,
    copies: int = 1,
    stops: Stops | None = None,
) -> list[list[int]]:
    """Answers of one batch without a cache: each step recomputes prompts and answers.

    For models whose states our cache cannot hold. Everything else as in
    ``cached``; without a cache, copies share nothing. The batch
    marks where each prompt ends, for interventions that act on prompts.
    """
    prompts = [prompt for prompt in prompts for _ in range(copies)]
    limits = limits.repeat_interleave(copies)
    answers: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))
    while rows:
        tokens = choose(_last_logits(model, [(prompts[row], answers[row]) for row in rows]), rows)
        going = []
        for row, token in zip(rows, tokens.tolist(), strict=True):
            length = len(prompts[row]) + len(answers[row]) + 1
            if token != end and length <= limits[row]:
                answers[row].append(token)
                going.extend([row] * (length < int(limits[row])))
        rows = [] if stops and stops([answers[row] for row in going]) else going
    return answers


def _last_logits(model, texts: list[tuple[Sequence[int], list[int]]]) -> torch.Tensor:
    """Logits of the token that follows each prompt and its answer so far, [B, V]."""
    # The last token of an example is never an input, so it can be any.
    examples = [Example((*prompt, *answer, 0), len(prompt)) for prompt, answer in texts]
    packed = to_device(replace(pack(examples), ends=None), model.device)
    last = torch.tensor([example.answer_tokens for example in examples]).cumsum(0) - 1
    places = packed.predictors[last.to(packed.predictors.device)]
    return project(model, hidden_states(model, packed)[places])


def _next(model, ids, positions, mask, cache, **kwargs) -> torch.Tensor:
    """Logits of the next token of each row, [B, V]."""
    device = model.device
    out = decoder_of(model)(
        **sight.of_step(model, ids.to(device), positions.to(device), cache),
        attention_mask=mask.to(device),
        past_key_values=cache,
        use_cache=True,
        **kwargs,
    )
    return project(model, out.last_hidden_state[:, -1])


# The function for each way of generating answers (``lethe.model.token_mixing``).
GENERATORS = {token_mixing.CACHED: cached, token_mixing.RECOMPUTED: recomputed}
