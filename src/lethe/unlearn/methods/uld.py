"""ULD: at inference, subtract the logits of a small assistant that knows the forget set alone."""

import math
from typing import Annotated

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.train.passes import Passes
from lethe.unlearn import one_shot
from lethe.unlearn.search_space import Choice, Range

# Kinds of layers, in transformers' words, whose past is keys and values.
ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}


class ULDSettings(one_shot.OneShotSettings):
    """``weight``: of the assistant's logits in the difference.

    ``layers``: of the assistant, the model's first; null: a quarter of them. The assistant is
    trained for ``epochs`` at ``lr``; ``uniform_weight``: of the term that keeps it ignorant of the
    retain rows.
    """

    weight: Annotated[float, Range(0.25, 1.5)] = Field(1.0, ge=0)
    layers: int | None = Field(None, ge=1)
    epochs: Annotated[int, Choice((5, 10, 20))] = Field(10, ge=1, le=100)
    lr: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(1e-3, gt=0, le=1)
    batch_size: int = Field(16, ge=1)
    uniform_weight: Annotated[float, Range(0.25, 8, log=True)] = Field(5.0, ge=0)


class Method(one_shot.Method):
    """z' = z - weight z_a; the assistant a minimises CE(f) + uniform_weight KL(uniform || p_a).

    The second term is a mean over all tokens of retain rows, questions included, as in the authors'
    code; it makes the assistant remember the forget set alone (Ji et al.). The assistant begins as
    the model's first layers, followed by the model's own last norm and head. Differences: its
    layers are trained whole, where the paper trains LoRA; rows are not augmented by paraphrases and
    wrong answers; the authors' filter, which subtracts nothing where the model's own probability is
    low, is left out, since states are subtracted (``interventions.assistant``).
    """

    kind = "inference"
    pictures = False
    intervention = "assistant"
    paper = "ULD, arXiv 2406.08607"
    needs = ("retain",)
    settings_class = ULDSettings

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        # Each step passes a batch of forget rows and one of retain rows through the assistant
        # alone.
        self.passes = Passes(2 * self.settings.epochs, 2 * self.settings.epochs, 0)

    def run(self, model, data, seed, report=lambda step, steps, loss: None, how=None):
        from lethe.model.intervention import attach
        from lethe.model.interventions.assistant import Intervention, own_parameters, truncated

        layers = self._layers(model)
        assistant = truncated(model, layers)
        self._train(assistant, data, seed, report, how)
        trained = {name: p.detach().clone() for name, p in own_parameters(assistant).items()}
        weight = self.settings.weight
        attach(model, data.encoder.tokenizer, Intervention(layers, weight, **trained))
        yield 1, 1

    def _layers(self, model) -> int:
        """How many layers the assistant has; LetheError where the method cannot work."""
        from lethe.model import token_mixing
        from lethe.model.intervention import carried_by
        from lethe.model.lora import has_adapters

        depth = model.config.get_text_config().num_hidden_layers
        layers = max(1, depth // 4) if self.settings.layers is None else self.settings.layers
        if layers > depth:
            raise LetheError(f"uld.layers: {layers}, but the model has {depth}; choose fewer")
        if carried_by(model):
            raise LetheError("uld: the model already carries interventions; start from one without")
        if has_adapters(model):
            raise LetheError("uld: the assistant is made from whole layers; leave adapters out")
        if token_mixing.of(model).head == token_mixing.OWN:
            raise LetheError(
                f"uld: the head of {type(model).__name__} is more than a linear layer, so logits "
                "cannot be subtracted before it; choose another method"
            )
        kinds = {*(getattr(model.config.get_text_config(), "layer_types", None) or ())}
        if getattr(model, "_is_stateful", False) or kinds - ATTENTION:
            raise LetheError(
                f"uld: layers of {type(model).__name__} keep other states than keys and values, "
                "which an assistant cannot; choose another method"
            )
        return layers

    def _train(self, assistant, data, seed, report, how) -> None:
        from lethe.model.interventions.assistant import own_parameters
        from lethe.train.data_order import partners
        from lethe.train.execution import Execution
        from lethe.train.finetune import Addition, fit
        from lethe.train.settings import Schedule

        s = self.settings
        own = {id(p) for p in own_parameters(assistant).values()}
        shared = [p for p in assistant.parameters() if id(p) not in own]
        were = [p.requires_grad for p in shared]
        beside = next(partners(len(data.retain), seed, len(data.forget)))
        for parameter in shared:
            parameter.requires_grad_(False)
        try:
            fit(
                assistant,
                data.forget,
                Schedule(epochs=s.epochs, lr=s.lr, batch_size=s.batch_size, warmup_epochs=1.0),
                f"assistant/{seed}",
                report,
                how=(how or Execution()).named("assistant"),
                addition=Addition([data.retain[row] for row in beside], self.ignorance),
            )
        finally:
            for parameter, was in zip(shared, were, strict=True):
                parameter.requires_grad_(was)

    def ignorance(self, forward, batch):
        """uniform_weight KL(uniform || p) in nats, a mean over all tokens of the step's rows."""
        logs = forward.all_logits(batch).log_softmax(-1)
        from_uniform = -logs.mean(-1) - math.log(logs.shape[-1])
        return self.settings.uniform_weight * from_uniform.sum() / batch.inputs_total
