"""Null-space updates: change weights only in directions that retain inputs do not use."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.common.strange_pictures import distinct
from lethe.model import input_sums
from lethe.unlearn import wrapper

# Eigenvalues below this share of the largest are rounding errors.
NOTHING = 1e-12


class NullSpaceSettings(wrapper.WrapperSettings):
    """``layers``: regular expression of the linear layers whose weights are trained.

    ``part``: whose layers: the decoder's, or those of the vision tower and the projector.
    ``energy``: the share of the retain inputs' energy that updates must not affect; 1: all of it.
    ``running``: whether inputs of earlier runs count as well, and this run's for later ones.
    """

    part: Literal["decoder", "vision"] = "decoder"
    running: bool = False
    layers: str = "."
    energy: float = Field(0.99, gt=0, le=1)


class Wrapper(wrapper.Wrapper):
    """dW <- dW (I - U U'), U the leading eigenvectors of X' X, X a layer's retain inputs.

    Then X dW' = 0: with ``energy`` 1 the outputs of every chosen layer, and so of the whole model,
    do not change on retain inputs. The total change of the weights is projected after each update,
    so this holds for any optimiser; all other parameters are frozen (null-space constrained
    updates, arXiv 2605.05909 [RECON]). The inputs are those of every token of every retain row
    under the model before unlearning; X' X is summed in double precision. In the vision tower they
    are those of every retain picture, each once.

    ``running`` is for runs that follow one another, such as a sequence of requests: C, the sum of
    X' X, is kept with the checkpoint, and the next run adds its own to it. What a run adds are its
    retain inputs, and those of its forget rows under the model as it left it, so that they stay
    forgotten; the paper names a running covariance for continual use, and the rest is
    reconstructed [RECON].
    """

    kind = "update"
    paper = "Null-space constrained updates, arXiv 2605.05909"
    needs = ("retain",)
    whole_weights = True
    settings_class = NullSpaceSettings

    chosen: dict | None = None
    # By layer, X' X of this run's retain inputs and, with ``running``, of earlier runs' inputs.
    sums: dict | None = None

    @property
    def needs_pictures(self):
        return self.settings.part == "vision"

    def around(self, run):
        def carrying(method, model, data, seed, report, how=None):
            for ended in run(method, model, data, seed, report, how):
                self._carry(model, data)
                yield ended

        return carrying if self.settings.running else run

    def _carry(self, model, data):
        """Leave the inputs of all runs so far with the model, for its checkpoint."""
        layers, training = chosen_layers(model, self.settings), model.training
        new = inputs_of(model, layers, data.forget, self.settings.part)
        model.train(training)
        input_sums.carry(model, {name: self.sums[name] + new[name] for name in layers})

    def prepare(self, model, data, seed):
        layers = chosen_layers(model, self.settings)
        self.sums = inputs_of(model, layers, data.retain, self.settings.part)
        if self.settings.running:
            self.sums = _added(self.sums, input_sums.of_earlier(model))
        bases = {
            name: _leading(total, self.settings.energy).to(layers[name].weight)
            for name, total in self.sums.items()
        }
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


def chosen_layers(model, settings: NullSpaceSettings) -> dict:
    """Linear layers of the chosen part whose names match, by name."""
    import torch

    from lethe.model.forward import decoder_layers
    from lethe.unlearn import visual

    if settings.part == "vision":
        linear = visual.tower_layers(model)
    else:
        inner = {id(module) for layer in decoder_layers(model) for module in layer.modules()}
        linear = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and id(module) in inner
        }
    chosen = {name: module for name, module in linear.items() if re.search(settings.layers, name)}
    if not chosen:
        known = f"names are like {next(iter(linear))}" if linear else "the model has none"
        raise LetheError(f"null_space.layers: no linear layer matches {settings.layers!r}; {known}")
    return chosen


def inputs_of(model, layers: dict, examples: list, part: str, rows: int = 16) -> dict:
    """For each layer, X' X [inputs, inputs] of its inputs X on ``examples``, in double precision.

    ``part``: ``vision`` passes their pictures alone, each once; ``rows``: of a pass.
    """
    import torch

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
            _pass(model, examples, part, rows)
    finally:
        for hook in hooks:
            hook.remove()
    return sums


def _pass(model, examples: list, part: str, rows: int) -> None:
    """Pass examples, or their pictures, through the model."""
    from lethe.model.batch import pack, to_device
    from lethe.model.forward import hidden_states
    from lethe.train.data_order import batches
    from lethe.unlearn import visual

    if part == "vision":
        visual.embeddings_before(model, distinct(visual.pictures_of(examples)))
        return
    for some in batches(range(len(examples)), rows):
        batch = pack([examples[i] for i in some])
        # Padding does not count as input.
        hidden_states(model, to_device(batch, model.device), padding=False)


def _added(own: dict, earlier: Mapping) -> dict:
    """The sums of both by layer; LetheError if they are of other layers."""
    if earlier and {n: t.shape for n, t in own.items()} != {n: t.shape for n, t in earlier.items()}:
        raise LetheError(
            "null_space.running: the run before chose other layers; set layers and part as there, "
            "or running to false"
        )
    return {name: total + earlier.get(name, 0.0) for name, total in own.items()}


def _leading(total, energy: float):
    """Eigenvectors [d, k] of the largest eigenvalues whose sum reaches the share ``energy``."""
    import torch

    values, vectors = torch.linalg.eigh(total)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    # Cumulative shares before each eigenvalue: the one that reaches ``energy`` is included.
    reached = (values.cumsum(0) - values) / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    wanted = (reached < energy) & (values > NOTHING * values[0])
    return vectors[:, wanted]
