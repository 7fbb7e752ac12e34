"""Generates token by token with a cache of fixed size, on a GPU from a CUDA graph.

For few rows, launching a step takes longer than running it. With a cache that does not grow and
rows that stay in their places, every step is the same work, which is recorded once and replayed.
Finished rows go on in their places, unread; when few unfinished rows are left, they move into a
smaller cache, whose step is recorded again.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache

import torch
from transformers.cache_utils import Cache, DynamicLayer

from lethe.model import attached
from lethe.model.intervention import carried_by

logger = logging.getLogger("lethe.common.progress")
# Rows and tokens of a cache are multiples of these.
ROWS, TOKENS = 8, 64
# The rows move when no more than this share of a cache's rows is unfinished.
SHARE = 1 / 4

# Logits [B, V] of ids [B, 1], positions [B, 1], a mask [B, 1, 1, W] and a cache.
Next = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Cache], torch.Tensor]


def suits(model) -> bool:
    """Whether a model's steps are recorded: unless forbidden, on a GPU, without interventions.

    A model that sees looks for pictures among its tokens, which cannot be recorded.
    """
    state = attached.model_state(model)
    allowed = bool(state.cuda_graphs) and state.sight is None
    return allowed and model.device.type == "cuda" and not carried_by(model)


@cache
def recording_stream(device: torch.device) -> "torch.cuda.Stream":
    """The stream on which a process makes its recordings: libraries keep memory for each stream."""
    return torch.cuda.Stream(device)


class FixedLayer(DynamicLayer):
    """Keys and values of one layer in buffers of fixed size; ``place`` [1] is the next token's."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, size, place: torch.Tensor):
        super().__init__()
        self.keys, self.values = (_enlarged(tensor, *size) for tensor in (keys, values))
        self.dtype, self.device, self.place = keys.dtype, keys.device, place
        self.is_initialized = True

    def update(self, key_states, value_states, *args, **kwargs):
        self.keys.index_copy_(2, self.place, key_states)
        self.values.index_copy_(2, self.place, value_states)
        return self.keys, self.values


def _enlarged(tensor: torch.Tensor, rows: int, width: int) -> torch.Tensor:
    bigger = tensor.new_zeros(rows, tensor.shape[1], width, tensor.shape[3])
    bigger[: tensor.shape[0], :, : tensor.shape[2]] = tensor
    return bigger


class Steps:
    """The steps of some rows. ``pairs``: keys and values [B, H, S, D] of each layer."""

    def __init__(self, compute: Next, pairs: Sequence[tuple], seen: torch.Tensor, width: int):
        device, rows = pairs[0][0].device, _up(len(seen), ROWS)
        self.compute, self.rows = compute, rows
        self.place = torch.tensor([pairs[0][0].shape[2]], device=device)
        self.cache = Cache(layers=[FixedLayer(*p, (rows, width), self.place) for p in pairs])
        # ids and positions in one tensor, so that a step copies one.
        self.inputs = torch.zeros(2, rows, 1, dtype=torch.long, device=device)
        self.mask = torch.zeros(rows, 1, 1, width, dtype=torch.bool, device=device)
        self.mask[: len(seen), 0, 0, : seen.shape[1]] = seen.to(device)
        # Rows without a text must see something, or they would be NaN.
        self.mask[len(seen) :, 0, 0, 0] = True
        self.graph, self.logits = None, None

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return int(self.place)

    def __call__(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Logits [B, V] after one more token in each row; ids and positions [B] on the CPU."""
        given = torch.zeros(2, self.rows, 1, dtype=torch.long)
        given[0, : len(ids), 0], given[1, : len(ids), 0] = ids, positions
        self.inputs.copy_(given)
        if self.graph is not None:
            self.graph.replay()
        else:
            self.logits = self._run()
        return self.logits[: len(ids)]

    def record(self) -> None:
        """Record a step; the next call is the first."""
        # Both the rehearsal and the recording move on by a token, whose place is written again.
        place = self.place.clone()
        stream = recording_stream(place.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._run()
            self.place.copy_(place)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            self.logits = self._run()
        self.place.copy_(place)
        self.graph = graph

    def _run(self) -> torch.Tensor:
        self.mask.index_fill_(3, self.place, True)
        logits = self.compute(self.inputs[0], self.inputs[1], self.mask, self.cache)
        self.place.add_(1)
        return logits

    def smaller(self, slots: torch.Tensor) -> "Steps":
        """New steps for the rows at ``slots`` alone."""
        length, width, slots = self.length, self.mask.shape[3], slots.to(self.place.device)
        pairs = [
            tuple(tensor[slots, :, :length] for tensor in (layer.keys, layer.values))
            for layer in self.cache.layers
        ]
        return Steps(self.compute, pairs, self.mask[slots, 0, 0, :length], width)


def _up(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def generate(
    compute: Next,
    pairs: Sequence[tuple],
    seen: torch.Tensor,
    lengths: torch.Tensor,
    limits: torch.Tensor,
    end: int,
    choose,
    token: torch.Tensor,
) -> list[list[int]]:
    """The answers of rows whose prompts are cached in ``pairs`` and whose first token is known.

    ``pairs``: keys and values of each layer, as ``Steps`` wants them. ``seen`` [B, S]: which cached
    tokens each row sees; ``lengths`` and ``limits`` [B]: tokens of the prompt, and the most of
    prompt and answer; ``token`` [B]: the first token; ``choose`` as ``decoding.Choice``.
    """
    answers: list[list[int]] = [[] for _ in lengths]
    room = int((limits - lengths).max())
    steps = _recorded(Steps(compute, pairs, seen, _up(seen.shape[1] + room, TOKENS)))
    # Which row is at each place of the cache, and which places are unfinished.
    rows, slots = torch.arange(len(lengths)), torch.arange(len(lengths))
    ids, lengths = torch.zeros(len(lengths), dtype=torch.long), lengths.clone()
    while True:
        lengths[slots] += 1
        now, most = lengths[slots], limits[rows[slots]]
        going = (token != end) & (now <= most)
        for slot, value in zip(slots[going].tolist(), token[going].tolist(), strict=True):
            answers[int(rows[slot])].append(value)
        ids[slots] = token
        slots = slots[going & (now < most)]
        if not len(slots):
            return answers
        if len(slots) <= steps.rows * SHARE and steps.rows > ROWS:
            steps = _recorded(steps.smaller(slots))
            rows, ids, lengths = rows[slots], ids[slots], lengths[slots]
            slots = torch.arange(len(slots))
        logits = steps(ids, lengths - 1)
        if len(slots) < len(logits):
            logits = logits[slots.to(logits.device)]
        token = choose(logits, rows[slots].tolist()).cpu()


def _recorded(steps: Steps) -> Steps:
    """Steps from a CUDA graph on a GPU, unless the model does what cannot be recorded."""
    if steps.place.is_cuda:
        try:
            steps.record()
        except RuntimeError as error:
            logger.info("generation without a CUDA graph (%s)", str(error).splitlines()[0])
    return steps
