"""Decoder passes of a training from CUDA graphs: one launch in place of thousands.

Launching the kernels of a small model, or of few tokens, takes longer than running them: with 135
million parameters and 1,900 tokens they run for a tenth of the time of their launches. So the
decoder's forward pass and its backward pass are each recorded once for every shape that batches are
padded to (``lethe.model.padded_row``), and replayed. The head, the loss and whatever a method makes
of the answers run as usual.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from lethe.common import devices
from lethe.common.errors import LetheError
from lethe.model import attached, padded_row, token_mixing
from lethe.model.batch import Batch
from lethe.model.cost import passed
from lethe.model.decoders import decoder_of
from lethe.model.fsdp import process_group_of
from lethe.model.intervention import carried_by
from lethe.model.padded_row import Shape
from lethe.model.static_decoding import recording_stream

logger = logging.getLogger("lethe.common.progress")
# Fewer steps do not repay recording a few shapes, each of which takes three steps.
STEPS = 30
# Weights times tokens of a pass from which on kernels take longer than their launches.
WORK = 2**43
# The share of a GPU's memory that weights, two moments, gradients and what recordings keep may
# take: the gradients of a pass once as they are recorded and once where they are read.
MEMORY = 0.6
# Recorded passes kept: shapes, times passes of a step that wait for their gradients.
MOST = 16

# Computes the last hidden states of a padded row, [T, H].
Compute = Callable[[Batch], torch.Tensor]


def reason_against(model, steps: int) -> str | None:
    """Why a training's passes are not recorded; None if they are."""
    mixing = token_mixing.of(model)
    packed = mixing.layout == mixing.beyond_layout == token_mixing.PACKED
    checks = {
        "no GPU": model.device.type != "cuda",
        "its likelihoods are estimated": attached.model_state(model).estimator is not None,
        "it sees pictures": attached.model_state(model).sight is not None,
        f"fewer than {STEPS} steps": steps < STEPS,
        "its rows are not packed": not packed,
        "it is sharded": process_group_of(model) is not None,
        "it carries interventions": bool(carried_by(model)),
        "activations are recomputed": getattr(model, "is_activation_checkpointing", False),
        "it has dropout": _has_dropout(model),
        "too little memory": model.device.type == "cuda" and not _fits(model),
    }
    return next((reason for reason, true in checks.items() if true), None)


def _fits(model) -> bool:
    total = torch.cuda.get_device_properties(model.device).total_memory
    return kept_bytes(model) <= MEMORY * total / devices.sharers()


def kept_bytes(model) -> int:
    """Bytes of weights and, if trained, two moments, gradients, and twice those of recordings."""
    sizes = [(p.numel() * p.element_size(), p.requires_grad) for p in model.parameters()]
    return sum(size * (6 if trained else 1) for size, trained in sizes)


def _has_dropout(model) -> bool:
    config = model.config.get_text_config()
    shares = [getattr(config, name, 0) or 0 for name in ("attention_dropout", "attn_pdrop")]
    modules = (module.p for module in model.modules() if isinstance(module, torch.nn.Dropout))
    return any(shares) or any(modules)


def choose(model, steps: int, compute: Compute) -> "Graphs | None":
    """Recorded passes for a training of ``steps`` steps, or None; on a GPU the log says which.

    The configuration, the model and the number of steps decide, never a clock.
    """
    asked = attached.model_state(model).cuda_graphs
    if not asked:
        return None
    reason = reason_against(model, steps)
    if asked is True or model.device.type == "cuda":
        logger.info("CUDA graphs: %s", "on" if reason is None else f"off ({reason})")
    return Graphs(model, compute) if reason is None else None


@dataclass
class Recording:
    """A recorded pass: inputs and outputs have fixed places in memory.

    ``pool``: the number of the memory that it shares with others, which must not run before a pass
    that is ``waiting`` there has its gradient; ``turn`` tells which call has its activations there.
    """

    pool: int
    inputs: torch.Tensor
    forward: torch.cuda.CUDAGraph
    states: torch.Tensor
    backward: torch.cuda.CUDAGraph | None = None
    gradient: torch.Tensor | None = None
    gradients: list[torch.Tensor | None] = field(default_factory=list)
    turn: int = 0
    waiting: bool = False


class Graphs:
    """The decoder passes of one training of one model, recorded by shape."""

    def __init__(self, model, compute: Compute):
        self.model, self.compute = model, compute
        self.weights = sum(p.numel() for p in decoder_of(model).parameters())
        self.seen: Counter[tuple] = Counter()
        self.recordings: dict[tuple, list[Recording]] = {}
        self.parameters: list[torch.nn.Parameter] = []
        self.places: tuple = ()
        self.failed = False
        # The memory pools, by number.
        self.pools: dict[int, Any] = {}
        self.gradient_memory: list[torch.Tensor] = []

    def begin(self) -> None:
        """Called before each step, when no earlier pass waits for its gradient any more."""
        for recording in self._all():
            recording.waiting = False

    def __call__(self, batch: Batch) -> torch.Tensor | None:
        """Last hidden states, those of padding after the others, [T, H]; None if not recordable.

        A shape that occurs for the first time, or has no room left, is computed as padded, so that
        a resumed training computes the same.
        """
        if batch.ids.is_cuda or not padded_row.fits(batch):
            return None
        if attached.is_hooked(decoder_of(self.model), itself=False):
            return None  # A replay would run no hook: gradient masks, attacks, layers' outputs.
        shape = padded_row.shape_of(batch)
        if shape.tokens * self.weights > WORK:
            return None
        values = padded_row.flattened(batch, shape)
        learning = torch.is_grad_enabled()
        recording = self._recording(shape, learning, values)
        if recording is None:
            return self.compute(padded_row.unflattened(values.to(self.model.device), shape))
        recording.inputs.copy_(values)
        states = _Replayed.apply(recording, *self.parameters)
        passed(states, shape.tokens)
        return states

    def _recording(self, shape: Shape, learning: bool, values) -> Recording | None:
        """A recording whose memory is free; None if the shape should be computed as usual."""
        decoder = decoder_of(self.model)
        places = tuple((p.data_ptr(), p.requires_grad) for p in decoder.parameters())
        if places != self.places:
            # Weights were moved, or others are trained: earlier recordings compute something else.
            self.places, self.recordings, self.pools, self.gradient_memory = places, {}, {}, []
            self.parameters = [p for p in decoder.parameters() if p.requires_grad]
        learning = learning and bool(self.parameters)
        key = (shape, learning)
        self.seen[key] += 1
        known = self.recordings.setdefault(key, [])
        busy = {some.pool for some in self._all() if some.waiting}
        free = next((some for some in known if some.pool not in busy), None)
        full = self.failed or len(self._all()) >= MOST
        if free is not None or self.seen[key] == 1 or full:
            return free
        pool = next(number for number in range(MOST) if number not in busy)
        try:
            known.append(self._record(shape, learning, values, pool))
        except RuntimeError as error:
            # A model that reads a number during its pass, as some mixtures of experts do, cannot be
            # recorded.
            self.failed = True
            logger.info("CUDA graphs: no more (%s)", str(error).partition("\n")[0])
            return None
        return known[-1]

    def _all(self) -> list[Recording]:
        return [recording for some in self.recordings.values() for recording in some]

    def _record(self, shape: Shape, learning: bool, values, pool: int) -> Recording:
        if pool not in self.pools:
            self.pools[pool] = torch.cuda.graph_pool_handle()
        inputs = values.to(self.model.device)
        batch = padded_row.unflattened(inputs, shape)
        # Counting is for the passes that are replayed.
        token = attached.TALLY.set(None)
        try:
            with own_leaves(decoder_of(self.model)) as twins:
                parameters = [twins[id(p)] for p in self.parameters]
                self._warm_up(batch, parameters if learning else [])
                forward = torch.cuda.CUDAGraph()
                with self._capturing(forward, pool):
                    # Padding is derived within the recording, since it changes with the inputs.
                    states = self.compute(padded_row.unflattened(inputs, shape))
                recording = Recording(pool, inputs, forward, states.detach())
                if learning:
                    self._record_backward(recording, states, parameters)
            return recording
        finally:
            attached.TALLY.reset(token)

    def _record_backward(self, recording: Recording, states: torch.Tensor, parameters) -> None:
        recording.gradient = torch.zeros_like(states)
        recording.backward = torch.cuda.CUDAGraph()
        places = self.gradient_places()
        with self._capturing(recording.backward, recording.pool):
            made = gradients(states, parameters, recording.gradient)
            recording.gradients = copied(made, places)

    def gradient_places(self) -> list[torch.Tensor]:
        """Memory for the gradients of one pass, shared by all recordings.

        Separate memory for each recording would take as much as all weights.
        """
        if not self.gradient_memory:
            self.gradient_memory = [torch.empty_like(p) for p in self.parameters]
        return self.gradient_memory

    def _capturing(self, graph: torch.cuda.CUDAGraph, pool: int):
        # A thread may be saving a checkpoint meanwhile.
        mode, stream = "thread_local", recording_stream(self.model.device)
        return torch.cuda.graph(
            graph, pool=self.pools[pool], stream=stream, capture_error_mode=mode
        )

    def _warm_up(self, batch: Batch, parameters) -> None:
        """Run once, since libraries set themselves up in their first calls."""
        stream = recording_stream(self.model.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            states = self.compute(batch)
            if parameters:
                gradients(states, parameters, torch.zeros_like(states))
        torch.cuda.current_stream().wait_stream(stream)


def gradients(states: torch.Tensor, parameters, gradient: torch.Tensor):
    """The gradients of parameters, given that of the states; None where they do not depend."""
    return torch.autograd.grad([states], parameters, [gradient], allow_unused=True)


def copied(values: Sequence[torch.Tensor | None], places: Sequence) -> list[torch.Tensor | None]:
    """The places with the values in them; None where there is no value."""
    pairs = [(new, old) for new, old in zip(places, values, strict=True) if old is not None]
    torch._foreach_copy_([new for new, _ in pairs], [old for _, old in pairs])
    return [None if old is None else new for new, old in zip(places, values, strict=True)]


@contextmanager
def own_leaves(module: torch.nn.Module) -> Iterator[dict[int, torch.nn.Parameter]]:
    """Within the block a module has other parameters in the same memory; by the ids of its own.

    Autograd keeps a node for each parameter, with the stream of the pass that first needed it, for
    as long as any pass waits for its gradient. A recording whose gradients reached such a node
    would have to wait for that stream, which it cannot.
    """
    seats = [(part, name, p) for part in module.modules() for name, p in part._parameters.items()]
    seats = [(part, name, p) for part, name, p in seats if p is not None]
    twins = {
        id(p): torch.nn.Parameter(p.detach(), requires_grad=p.requires_grad) for *_, p in seats
    }
    try:
        for part, name, p in seats:
            part._parameters[name] = twins[id(p)]
        yield twins
    finally:
        for part, name, p in seats:
            part._parameters[name] = p


class _Replayed(torch.autograd.Function):
    """A recorded pass as one function of the decoder's trained parameters."""

    @staticmethod
    def forward(ctx, recording: Recording, *parameters):
        recording.forward.replay()
        recording.turn += 1
        recording.waiting = recording.backward is not None
        ctx.recording, ctx.turn = recording, recording.turn
        return recording.states.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        recording = ctx.recording
        if recording.turn != ctx.turn or not recording.waiting:
            raise LetheError(
                "cuda_graphs: this training takes the gradient of a pass twice, or after a later "
                "step began, and its activations are gone; set cuda_graphs to false"
            )
        recording.gradient.copy_(gradient)
        recording.backward.replay()
        recording.waiting = False
        # Copies, since the next replay overwrites them while gradients are added up.
        made = [None if g is None else torch.empty_like(g) for g in recording.gradients]
        return None, *copied(recording.gradients, made)
