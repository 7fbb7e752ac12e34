"""Null-space updates: change weights only in directions that retain inputs do not use."""

import re

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.unlearn import wrapper

# Eigenvalues below this share of the largest are rounding errors.
NOTHING = 1e-12


class NullSpaceSettings(wrapper.WrapperSettings):
    """``layers``: regular expression of the linear layers whose weights are trained.

    ``energy``: the share of the retain inputs' energy that updates must not affect; 1: all of it.
    """

    layers: str = "."
    energy: float = Field(0.99, gt=0, le=1)


class Wrapper(wrapper.Wrapper):
    """dW <- dW (I - U U'), U the leading eigenvectors of X' X, X a layer's retain inputs.

    Then X dW' = 0: with ``energy`` 1 the outputs of every chosen layer, and so of the whole model,
    do not change on retain inputs. The total change of the weights is projected after each update,
    so this holds for any optimiser; all other parameters are frozen (null-space constrained
    updates, arXiv 2605.05909 [RECON]). The inputs are those of every token of every retain row
    under the model before unlearning; X' X is summed in double precision.
    """

    kind = "update"
    paper = "Null-space constrained updates, arXiv 2605.05909"
    needs = ("retain",)
    whole_weights = True
    settings_class = NullSpaceSettings

    chosen: dict | None = None

    def prepare(self, model, data, seed):
        layers = chosen_layers(model, self.settings.layers)
        bases = occupied(model, layers, data.retain, self.settings.energy)
        # Where retain inputs fill all dimensions, nothing may change.
        free = {n: u for n, u in bases.items() if u.shape[1] < u.shape[0]}
        if not free:
            raise LetheError(
                f"null_space: the retain inputs fill all dimensions of {len(layers)} layers; "
                "lower energy, or name other layers"
            )
        self.chosen = {
            f"{name}.weight": (layers[name].weight, layers[name].weight.detach().clone(), u)
            for name, u in free.items()
        }

    def frozen(self, model):
        names = "|".join(map(re.escape, self.chosen))
        return [f"^(?!(?:{names})$)"]

    def updated(self):
        import torch

        with torch.no_grad():
            for weight, start, u in self.chosen.values():
                change = weight - start
                weight.copy_(start + (change - change @ u @ u.T))


def chosen_layers(model, pattern: str) -> dict:
    """Linear layers within the decoder's layers whose names match, by name."""
    import torch

    from lethe.model.forward import decoder_layers

    inner = {id(module) for layer in decoder_layers(model) for module in layer.modules()}
    linear = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module) in inner
    }
    chosen = {name: module for name, module in linear.items() if re.search(pattern, name)}
    if not chosen:
        known = f"names are like {next(iter(linear))}" if linear else "the model has none"
        raise LetheError(f"null_space.layers: no linear layer matches {pattern!r}; {known}")
    return chosen


def occupied(model, layers: dict, examples: list, energy: float, rows: int = 16) -> dict:
    """For each layer, an orthonormal basis [inputs, k] of the directions that its inputs occupy.

    ``energy``: the basis's share of the sum of squares of all inputs on ``examples``.
    """
    import torch

    from lethe.model.batch import pack, to_device
    from lethe.model.forward import hidden_states
    from lethe.train.data_order import batches

    sums = {
        name: torch.zeros(layer.in_features, layer.in_features, dtype=torch.float64)
        for name, layer in layers.items()
    }

    def add(name):
        def hook(layer, inputs):
            x = inputs[0].reshape(-1, layer.in_features).double()
            sums[name] += (x.T @ x).cpu()

        return hook

    hooks = [layer.register_forward_pre_hook(add(name)) for name, layer in layers.items()]
    try:
        model.eval()
        with torch.no_grad():
            for part in batches(range(len(examples)), rows):
                batch = pack([examples[i] for i in part])
                # Padding does not count as input.
                hidden_states(model, to_device(batch, model.device), padding=False)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: _leading(total, energy).to(layers[name].weight) for name, total in sums.items()}


def _leading(total, energy: float):
    """Eigenvectors [d, k] of the largest eigenvalues whose sum reaches the share ``energy``."""
    import torch

    values, vectors = torch.linalg.eigh(total)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    # Cumulative shares before each eigenvalue: the one that reaches ``energy`` is included.
    reached = (values.cumsum(0) - values) / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    wanted = (reached < energy) & (values > NOTHING * values[0])
    return vectors[:, wanted]
