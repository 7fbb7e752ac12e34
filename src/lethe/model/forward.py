"""Forward passes over packed batches, with logits only where they are needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model import attached, plain_rows, sight, token_mixing
from lethe.model.batch import Batch, to_device
from lethe.model.cost import passed
from lethe.model.decoders import decoder_of
from lethe.model.fsdp import process_group_of
from lethe.model.intervention import carried_by
from lethe.model.precision import computing

# Tokens whose logits are computed at a time if only their losses are wanted: this few stay in the
# cache.
NEAR = 256


@dataclass
class Answers:
    """Logits at the answers' tokens. ``logits`` [N, V]; ``labels`` and ``row`` [N] as in Batch."""

    logits: torch.Tensor
    batch: Batch

    def token_nll(self) -> torch.Tensor:
        """Negative log-likelihood of each answer token, [N], nats."""
        return cross_entropy(self.logits.float(), self.batch.labels, reduction="none")

    def mean_nll(self) -> torch.Tensor:
        """Mean over the answer tokens of the whole step: the usual language-model loss."""
        return self.token_nll().sum() / self.batch.tokens_total

    def sequence_nll(self) -> torch.Tensor:
        """Summed negative log-likelihood of each answer, [B]."""
        return self.by_sequence(self.token_nll())

    def by_sequence(self, values: torch.Tensor) -> torch.Tensor:
        """Sum values of tokens [N] by the sequence they belong to, [B]."""
        sums = values.new_zeros(self.batch.rows)
        return sums.index_add(0, self.batch.row, values)

    def sequence_tokens(self) -> torch.Tensor:
        """Number of answer tokens in each sequence, [B]."""
        return torch.bincount(self.batch.row, minlength=self.batch.rows)


def hidden_states(model, batch: Batch, padding: bool = True) -> torch.Tensor:
    """Last hidden states of the packed tokens, [T, H].

    Models that cannot run packed rows compute them in plain rows (``lethe.model.plain_rows``), and
    without ``padding`` only rows of equal length together.
    """
    token_mixing.check_next_tokens(model)
    token_mixing.check_lengths(model, [batch.packing.gather.shape[1]])
    layout = _layout(model, batch)
    if layout == token_mixing.PACKED:
        return packed_states(model, batch)
    return plain_rows.run(
        batch, layout if padding else token_mixing.ALONE, _of_rows(model), whole=padding
    )


def _layout(model, batch: Batch) -> str:
    return token_mixing.of(model).layout_of(batch.packing.gather.shape[1])


def _of_rows(model) -> plain_rows.Call:
    """A function that computes last hidden states of plain rows with a model's decoder.

    The decoder is called as transformers calls it.
    """
    decoder = decoder_of(model)

    def states(ids, mask):
        plain_rows.reset(model)
        given = plain_rows.accepted(decoder.forward, use_cache=False)
        if mask is not None:
            given |= plain_rows.accepted(decoder.forward, attention_mask=mask)
        with computing(model):
            return decoder(**sight.of_rows(model, ids), **given)[0]

    return states


def packed_states(model, batch: Batch) -> torch.Tensor:
    """Last hidden states of a packed row on the model's device, [T, H]."""
    decoder = decoder_of(model)
    # A ready-made 4-D mask keeps transformers from building a [T, T] one: Packing holds ours.
    ready = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch.ids.device)
    # Interventions that act on a prompt's states must know where it ends.
    extra = {"batch": batch} if carried_by(model) else {}
    with computing(model):
        out = decoder(
            **sight.of_packed(model, batch),
            attention_mask=ready,
            packing=batch.packing,
            use_cache=False,
            **extra,
        )
    return out.last_hidden_state[0]


class _Reached(Exception):
    """Raised when the wanted layer has run, since the later ones need not."""


def layer_states(model, batch: Batch, layer: int | None) -> torch.Tensor:
    """The output of a decoder layer, [T, H]; later layers do not run unless the model is sharded.

    ``layer`` counts from 0; None is the one at 7/16 of the depth.
    """
    layers = decoder_layers(model)
    layer = len(layers) * 7 // 16 if layer is None else layer
    if layer >= len(layers):
        raise LetheError(
            f"layer: {layer}, but the model has layers 0 to {len(layers) - 1}; choose one of them"
        )
    outputs, in_shards = [], process_group_of(model) is not None
    packed = _layout(model, batch) == token_mixing.PACKED

    def stop(module, inputs, output):
        outputs.append(plain_rows.at_tokens(output[0] if isinstance(output, tuple) else output))
        # Processes that hold shards must run all layers together, and plain rows may take several
        # passes, so both go on to the end.
        if packed and not in_shards:
            raise _Reached

    hook = layers[layer].register_forward_hook(stop)
    try:
        hidden_states(model, batch)
    except _Reached:
        # Other passes are counted when the decoder ends, which this one did not reach.
        passed(outputs[0][1], batch.ids.numel() * (layer + 1) / len(layers))
    finally:
        hook.remove()
    if not outputs:
        raise AssertionError("the decoder did not run its own layer")
    states = plain_rows.joined(outputs)
    # A copy, since changes in place on a view would be lost to the gradients of sharded models.
    return states.clone() if in_shards else states


def decoder_layers(model) -> torch.nn.ModuleList:
    """The layers of a causal LM's decoder, under whatever name its family has them."""
    depth = model.config.get_text_config().num_hidden_layers
    for module in decoder_of(model).children():
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth:
            return module
    raise LetheError(f"{type(model).__name__}: its decoder has no list of {depth} layers")


def project(model, hidden: torch.Tensor) -> torch.Tensor:
    """Logits [N, V] of hidden states [N, H], with the scales and caps that some families apply."""
    if token_mixing.of(model).head == token_mixing.OWN:
        return own_head(model, hidden)
    with computing(model):
        logits = model.get_output_embeddings()(hidden)
    scale = getattr(model.config, "logit_scale", None)
    if scale is not None:
        logits = logits * scale
    divisor = getattr(model.config, "logits_scaling", None)
    if divisor is not None:
        logits = logits / divisor
    cap = getattr(model.config, "final_logit_softcapping", None)
    if cap is not None:
        logits = torch.tanh(logits / cap) * cap
    return logits


def own_head(model, hidden: torch.Tensor) -> torch.Tensor:
    """Logits [N, V] of hidden states [N, H] by the model's own forward pass after its decoder."""
    ids = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
    with _replaced(decoder_of(model), hidden[None]), computing(model):
        # Not model(...): for a sharded model, that calls a function given to it.
        return type(model).forward(model, input_ids=ids).logits[0]


@contextmanager
def _replaced(module: torch.nn.Module, states: torch.Tensor) -> Iterator[None]:
    """Within the block, calling a module returns ``states`` and runs none of its hooks."""
    from transformers.modeling_outputs import BaseModelOutputWithPast

    class Output(BaseModelOutputWithPast):
        def __getattr__(self, name):
            """None for whatever else a family's decoder returns: heads do not need it."""

    output = Output(last_hidden_state=states)
    with attached.answering(module, output):
        yield


def within(model, function, *given):
    """``function(model, *given)``; a sharded model gathers each weight when it is needed."""
    return function(model, *given) if process_group_of(model) is None else model(function, *given)


def _answer_logits(model, batch: Batch, states: torch.Tensor | None = None) -> torch.Tensor:
    states = hidden_states(model, batch) if states is None else states
    return project(model, states[batch.predictors])


def _masked_logits(model, batch: Batch) -> torch.Tensor:
    logits = project(model, packed_states(model, batch)[batch.predictors]).float()
    mask = torch.tensor([model.config.mask_token_id], device=logits.device)
    return logits.index_fill(1, mask, -torch.inf)


def _all_logits(model, batch: Batch) -> torch.Tensor:
    return project(model, hidden_states(model, batch))


class Forward:
    """Forward passes of one model; results are always float32.

    ``graphs``: its recorded passes (``cuda_graphs.Graphs``), from which ``answers`` come where they
    can.
    """

    def __init__(self, model, graphs=None):
        self.model, self.graphs = model, graphs

    def answers(self, batch: Batch) -> Answers:
        """Logits at the answers' tokens only; for a model without logits, its estimated losses."""
        estimator = attached.model_state(self.model).estimator
        if estimator is not None:
            return estimator.answers(self, batch)
        states = None if self.graphs is None else self.graphs(batch)
        batch = to_device(batch, self.model.device)
        return Answers(within(self.model, _answer_logits, batch, states).float(), batch)

    def token_scores(self, batch: Batch, asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For each answer token, [N]: its negative log-likelihood, and whether it is the likeliest.

        The second is computed only where ``asked`` [N] is true, and is false elsewhere: finding the
        likeliest token takes as long as the softmax. No logits are kept, and no gradients.
        """
        batch = to_device(batch, self.model.device)
        states = hidden_states(self.model, batch)[batch.predictors]
        nll, likeliest = [], asked.to(self.model.device, copy=True)
        parts = (t.split(NEAR) for t in (states, batch.labels, likeliest))
        for some, labels, chosen in zip(*parts, strict=True):
            logits = project(self.model, some).float()
            nll.append(cross_entropy(logits, labels, reduction="none"))
            chosen[chosen.clone()] = logits[chosen].argmax(-1) == labels[chosen]
        return torch.cat(nll), likeliest

    def all_logits(self, batch: Batch) -> torch.Tensor:
        """Logits at every input token, prompts included, [T, V]."""
        batch = to_device(batch, self.model.device)
        return within(self.model, _all_logits, batch).float()

    def noised(self, batch: Batch, least: float) -> tuple[Batch, Batch]:
        """``masked_estimator.Estimator.noised``: a masked-diffusion model's batches for a step."""
        estimator = attached.model_state(self.model).estimator
        if estimator is None:
            raise LetheError("masked tokens: a causal model has none; name another method")
        return estimator.noised(batch, least)

    def masked_logits(self, batch: Batch) -> torch.Tensor:
        """A masked-diffusion model's logits at the masked tokens, [M, V]; -inf for the mask.

        ``batch``: as ``masked_batch.lay_out`` makes it.
        """
        batch = to_device(batch, self.model.device)
        return within(self.model, _masked_logits, batch).float()

    def hidden(self, batch: Batch, layer: int | None) -> torch.Tensor:
        """The output of a decoder layer at every input token, [T, H]."""
        batch = to_device(batch, self.model.device)
        return within(self.model, layer_states, batch, layer).float()


class Remembering(Forward):
    """Forward passes for one evaluation of a loss, which compute each batch's answers only once."""

    def __init__(self, model):
        super().__init__(model)
        # Keeping the batch alive makes sure that no other object gets its id.
        self._known: dict[int, tuple[Batch, Answers]] = {}

    def answers(self, batch: Batch) -> Answers:
        """As ``Forward.answers``; on the same batch the same result."""
        if id(batch) not in self._known:
            self._known[id(batch)] = batch, super().answers(batch)
        return self._known[id(batch)][1]
