"""The output head of a language model as a regression: its inputs, gradients and curvature.

Everything is computed at the tokens of answers, in float32 by the model's own head and summed in
double precision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model.batch import pack, to_device
from lethe.model.encoder import Example
from lethe.model.forward import hidden_states, project
from lethe.train.data_order import batches

# Rows of a pass, and tokens whose logits are held at a time.
ROWS, TOKENS = 64, 1024


@dataclass
class Tokens:
    """Last hidden states [N, H] at the tokens that predict those of answers, and the latter [N]."""

    states: torch.Tensor
    labels: torch.Tensor

    def parts(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """States and labels, in chunks."""
        return zip(self.states.split(TOKENS), self.labels.split(TOKENS), strict=True)


def head_of(model) -> torch.nn.Module:
    """The linear layer that gives logits; LetheError if a family has none."""
    head = model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear):
        raise LetheError(
            f"{type(model).__name__}: its logits come from no linear layer, so it cannot be edited"
        )
    return head


def untie(model) -> None:
    """Give the output head weights of its own, where it shares those of the input embeddings."""
    head, into = head_of(model), model.get_input_embeddings()
    if head.weight is not into.weight:
        return
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = False
    model.all_tied_weights_keys = model.get_expanded_tied_weights_keys(all_submodels=True)


@torch.no_grad()
def tokens_of(model, examples: Sequence[Example]) -> Tokens:
    """The answer tokens of rows, with one pass over them."""
    states, labels = [], []
    for part in batches(range(len(examples)), ROWS):
        batch = to_device(pack([examples[row] for row in part]), model.device)
        states.append(hidden_states(model, batch)[batch.predictors])
        labels.append(batch.labels)
    return Tokens(torch.cat(states), torch.cat(labels))


def inputs(model, states: torch.Tensor) -> torch.Tensor:
    """What the head's linear layer is given for last hidden states [N, H], [N, H]."""
    seen: list[torch.Tensor] = []
    hook = head_of(model).register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    try:
        with torch.no_grad():
            project(model, states)
    finally:
        hook.remove()
    return seen[0].reshape(len(states), -1)


def second_moment(model, tokens: Tokens) -> torch.Tensor:
    """S = E[h h'] of the head's inputs h, [H, H], double precision."""
    total = 0.0
    for states, _ in tokens.parts():
        own = inputs(model, states).double()
        total = total + own.T @ own
    return total / len(tokens.labels)


def gradient(model, tokens: Tokens) -> torch.Tensor:
    """The gradient of the mean cross-entropy by the head's weights, [V, H], double precision."""
    weight, total = head_of(model).weight, 0.0
    required = weight.requires_grad
    weight.requires_grad_(True)
    try:
        with torch.enable_grad():
            for states, labels in tokens.parts():
                loss = cross_entropy(project(model, states).float(), labels, reduction="sum")
                total = total + torch.autograd.grad(loss, [weight])[0].double()
    finally:
        weight.requires_grad_(required)
    return total / len(tokens.labels)


@torch.no_grad()
def check_linear(model, tokens: Tokens) -> None:
    """LetheError where logits are not scale · (W h + b) of the head's inputs h."""
    states, _ = next(tokens.parts())
    given, logits = inputs(model, states), project(model, states).float()
    if not torch.allclose(logits, scale_of(model) * head_of(model)(given).float(), 1e-4, 1e-4):
        raise LetheError(
            f"uls.form: uce needs logits that are linear in the head's weights, which those of "
            f"{type(model).__name__} are not; set it to uls"
        )


@torch.no_grad()
def expected(model, given: torch.Tensor) -> torch.Tensor:
    """scale E[p h'], p the softmax of scale · (W h + b), [V, H], double precision.

    The part of ``gradient`` that does not depend on the labels; ``given`` [N, H]: the head's
    inputs.
    """
    head, scale, total = head_of(model), scale_of(model), 0.0
    for own in given.split(TOKENS):
        shares = (scale * head(own)).float().softmax(-1)
        total = total + (shares.T @ own.float()).double()
    return scale * total / len(given)


def scale_of(model) -> float:
    """The factor by which a family multiplies the head's outputs."""
    scale = getattr(model.config, "logit_scale", None) or 1.0
    return scale / (getattr(model.config, "logits_scaling", None) or 1.0)
