"""Gradient masks: the usual forward pass, whose gradients reach parameters at chosen tokens only.

Two operators of LIRA (arXiv 2604.10403, App. A, as ``docs/methods.md`` restates them):

- at response tokens no gradient enters a parameter (both operators);
- attention passes no gradient to the keys and values of response tokens (SAG alone).

Gradients to the states themselves stay: the residual stream, queries, the way from a layer's input
to its output. So a response's loss reaches parameters only by the keys and values of prompt tokens.

A module that holds parameters maps each token by itself in every packed family, so its output can
be assembled from two: one of parameters with gradients at prompt tokens, one of constants at the
others. Both have the same bits, and so has the whole pass. Linear layers do it in their backward
pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch.func import functional_call

from lethe.common.errors import LetheError
from lethe.model import prompt_cache
from lethe.model.batch import Batch, pack
from lethe.model.decoders import decoder_of
from lethe.model.encoder import Example
from lethe.model.forward import Forward

# Values of parameters, by their names in the model.
Values = Mapping[str, torch.Tensor]
# By module, the dimension of its output that runs over tokens.
Axes = dict[str, int]


@dataclass
class _Stopped:
    """Which rows of a module's input get no gradient: [T] within the decoder, [N] in the head."""

    tokens: torch.Tensor
    predictors: torch.Tensor
    in_head: bool = False

    @property
    def rows(self) -> torch.Tensor:
        return self.predictors if self.in_head else self.tokens


def check(model, what: str) -> None:
    """LetheError, beginning with ``what``, for a model whose gradients cannot be masked."""
    prompt_cache.check_packed(model, what)
    if getattr(model, "is_activation_checkpointing", False):
        raise LetheError(
            f"{what} masks gradients, and recomputed activations would not be masked; "
            "set gradient_checkpointing to false"
        )
    for name, module in _holders(model):
        parts = [part for part in module.modules() if part is not module]
        if any(p.requires_grad for part in parts for p in part.parameters(recurse=False)):
            raise LetheError(
                f"{what} masks the gradients of modules, but {name} of {type(model).__name__} has "
                "parameters beside those of its parts; choose another model or method"
            )


def verify(model, example: Example, what: str) -> Axes:
    """LetheError if a parameter has a gradient where every token of a text is masked.

    One pass and its gradient. The check is valid for any modules a family has. Returns what
    ``masked`` needs to know of the model.
    """
    config, ids = model.config.get_text_config(), example.ids
    heads = {getattr(config, f"num_{name}_heads", None) for name in ("attention", "key_value")}
    while len(ids) - 1 in heads:
        ids = (*ids, ids[-1])
    batch, axes = pack([Example(ids, 1)]), {}
    everything = torch.ones(batch.ids.numel(), dtype=torch.bool)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    with torch.enable_grad(), masked(model, batch, everything, True, axes) as whole:
        loss = Forward(model).answers(whole).mean_nll()
        gradients = ()
        if loss.requires_grad:
            gradients = torch.autograd.grad(loss, [*trained.values()], allow_unused=True)
    for name, gradient in zip(trained, gradients, strict=False):
        if gradient is not None and bool((gradient != 0).any()):
            raise LetheError(
                f"{what} cannot mask the gradient of {name} in {type(model).__name__}; "
                "choose another model or method"
            )
    return axes


@contextmanager
def masked(
    model,
    batch: Batch,
    response: torch.Tensor,
    attention: bool,
    axes: Axes | None = None,
    constants: Values | None = None,
) -> Iterator[Batch]:
    """Yields a batch; within the block its passes are masked, and no others may run.

    ``response`` [T]: the tokens that pass no gradient to parameters; with ``attention`` other
    tokens pass them none through attention either. ``axes``: by module, the dimension of its output
    that runs over tokens; a pass fills it in where the shape tells, and reads it where the shape
    does not (as many tokens as heads). ``constants``: values of the parameters at these tokens, if
    not the model's own.
    """
    rows, axes = response.to(model.device), {} if axes is None else axes
    stopped = _Stopped(rows, rows[batch.predictors.to(model.device)])
    own = batch
    if attention:
        own = prompt_cache.exchanging(batch, lambda *pair: tuple(_still(t, rows) for t in pair))
    with ExitStack() as hooks:
        for name, module in _holders(model):
            hook = _Hook(name, module, stopped, axes, constants)
            hooks.callback(module.register_forward_hook(hook, with_kwargs=True).remove)
        decoder = decoder_of(model)
        # Modules after the decoder get only the rows that predict answers.
        for register, value in (
            (decoder.register_forward_pre_hook, False),
            (decoder.register_forward_hook, True),
        ):
            hooks.callback(register(_telling(stopped, value)).remove)
        yield own


def _telling(stopped: _Stopped, in_head: bool):
    def tell(*_):
        stopped.in_head = in_head

    return tell


def _holders(model) -> list[tuple[str, torch.nn.Module]]:
    """Modules with parameters of their own that are trained, by name."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if any(p.requires_grad for p in module.parameters(recurse=False))
    ]


def _still(value: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Keys or values [1, H, T, D]; those of ``rows`` carry no gradient."""
    return torch.where(rows[None, None, :, None], value.detach(), value)


class _Hook:
    """Replaces a module's output by one of the same value, with masked gradients."""

    def __init__(self, name: str, module, stopped: _Stopped, axes: Axes, constants):
        self.name, self.stopped, self.axes, self.inside = name, stopped, axes, False
        self.constants = None
        if constants is not None:
            names = [key for key, _ in module.named_parameters(recurse=False)]
            self.constants = {key: constants[f"{name}.{key}"] for key in names}

    def __call__(self, module, inputs, keywords, output):
        if self.inside:
            return output
        rows = self.stopped.rows
        plain = isinstance(module, torch.nn.Linear) and self.constants is None and not keywords
        if plain and torch.is_grad_enabled():
            self._axis(output, len(rows))
            prompt_rows = (~rows).nonzero().squeeze(1)
            return _Linear.apply(
                inputs[0], module.weight, module.bias, output.detach(), prompt_rows
            )
        own = module.named_parameters(recurse=False)
        constants = self.constants or {key: p.detach() for key, p in own}
        self.inside = True
        try:
            still = functional_call(module, constants, inputs, keywords)
        finally:
            self.inside = False
        return self._joined(output, still, rows)

    def _joined(self, moving, still, rows: torch.Tensor):
        if isinstance(moving, tuple):
            pairs = zip(moving, still, strict=True)
            return tuple(self._joined(*pair, rows) for pair in pairs)
        if not moving.is_floating_point() and torch.equal(moving, still):
            return moving
        at = self._axis(moving, len(rows))
        shape = [1] * moving.dim()
        shape[at] = -1
        return torch.where(rows.view(shape), still, moving)

    def _axis(self, output, tokens: int) -> int:
        """The dimension of an output that runs over tokens; LetheError if there is none.

        It may be [tokens, ...] or [1, tokens, ...], or [1, heads, tokens, ...].
        """
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
        axes = [
            at for at in range(len(shape) - 1) if shape[at] == tokens and set(shape[:at]) <= {1}
        ]
        if len(shape) > 3 and shape[0] == 1 and shape[2] == tokens:
            axes = sorted({*axes, 2})
        if len(axes) > 1 and len(shape) > 3 and self.name in self.axes:
            return self.axes[self.name]
        if not axes or (len(axes) > 1 and tokens > 1):
            raise LetheError(
                f"gradients cannot be masked: {self.name} puts out {list(shape)}, not one row for "
                f"each of {tokens} tokens; choose another model or method"
            )
        if len(axes) == 1:
            self.axes[self.name] = axes[0]
        return axes[0]


class _Linear(torch.autograd.Function):
    """A linear layer whose output is known; its parameters have the gradient of ``prompt_rows``.

    Inputs [..., in] and outputs [..., out] are read as rows. Gradients are computed in the dtype of
    the output, as autocast does.
    """

    @staticmethod
    def forward(ctx, inputs, weight, bias, output, prompt_rows):
        ctx.save_for_backward(inputs, weight, prompt_rows)
        ctx.bias = None if bias is None else bias.dtype
        return output.view_as(output)

    @staticmethod
    def backward(ctx, gradient):
        inputs, weight, prompt_rows = ctx.saved_tensors
        of_inputs = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_inputs = (gradient @ weight.to(gradient.dtype)).to(inputs.dtype)
        flat = gradient.reshape(-1, gradient.shape[-1]).index_select(0, prompt_rows)
        if ctx.needs_input_grad[1]:
            rows = (
                inputs.reshape(-1, inputs.shape[-1]).index_select(0, prompt_rows).to(gradient.dtype)
            )
            of_weight = (flat.T @ rows).to(weight.dtype)
        if ctx.needs_input_grad[2]:
            of_bias = flat.sum(0).to(ctx.bias)
        return of_inputs, of_weight, of_bias, None, None
