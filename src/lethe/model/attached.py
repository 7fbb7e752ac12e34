"""All that Lethe attaches to objects of other libraries, and why; no other module attaches any.

Models, tokenizers and modules belong to torch, transformers and peft. They pass through code that
knows nothing about Lethe (deep copies, hooks, peft's injection, a method that holds only a model),
so state that must stay with one of them is attached to it. State that can live in an object of our
own does so.

- A model has one record, ``ModelState``: loading fills it in, and copies of the model need it too.
- A tokenizer has one record, ``TokenizerState``: an encoder is made from the tokenizer alone.
- Linear layers get a class of ours (``become``), so that names, ties and hooks of their weights
  stay; ``lethe.model.onednn``.
- A sharded model gets a ``forward`` that runs functions (``run_functions``): FSDP gathers weights
  only within a forward pass of the model; ``lethe.model.forward``.
- A decoder answers with given states for the length of a block (``answering``), since a model's own
  head can only be run by a forward pass of the whole model; ``lethe.model.forward``.
- Two context variables hold what hooks ask for, because hooks get no arguments of ours: the
  ``TALLY`` that counts passes (``lethe.model.cost``) and the ``PLAIN_PASS`` that is running
  (``lethe.model.plain_rows``).
- transformers knows our attention functions by name (``register_attention``), since its models look
  attention up by name; ``lethe.model.attention``.

Two kinds of hook, which are torch's own mechanism, stay on a model: ``cost.watch`` counts its
passes, and interventions (``interventions.steering``) change the outputs of its layers. Other code
assigns only fields that the libraries themselves define, such as ``grad`` or the sizes in a
configuration. ``tests/model/test_attached.py`` checks the sources for this.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

_NAME = "lethe_state"


@dataclass(frozen=True)
class ModelState:
    """What is attached to a model. (Annotated as Any: the modules of these types import this one.)

    ``mixing`` (``token_mixing.Mixing``) and ``fitting`` (``batch_layout.Fitting``): the layout of
    its batches, and what it was chosen for; read by every forward pass.
    ``dtype`` (``torch.dtype``): of its checkpoints and passes, where training keeps float32 master
    weights; read by ``precision`` and by saving.
    ``process_group`` (``fsdp.Sharded``): the processes that hold its shards; read by ``forward``
    and by saving.
    ``adapter_base``: source and digest of the model that its adapters change; read by ``lora``.
    ``interventions``: those that it carries, the first attached first; read by ``intervention``.
    ``saved_form``: names, shapes and configuration in which it was last saved and found loadable,
    so that saving many checkpoints checks it once; read by ``checkpoint.save``.
    ``cuda_graphs``: whether its work may be recorded on a GPU (true, false, ``auto``); read by
    ``cuda_graphs`` and ``static_decoding``. ``compile``: whether trainings compile its layers;
    read by ``compiling``.
    ``estimator`` (``masked_estimator.Estimator``): what stands in for next-token logits in a model
    that has none; read by ``forward``, ``likelihood``, ``generate`` and ``finetune``.
    ``sight`` (``sight.Sight``): what makes inputs of pictures in a model that sees; read by
    ``sight``, and by saving.
    ``input_sums``: what its checkpoint says of the inputs of its layers in earlier runs;
    ``carried_sums``: what its next ones shall say; read by ``input_sums``.
    """

    mixing: Any = None
    fitting: Any = None
    dtype: Any = None
    process_group: Any = None
    adapter_base: dict[str, Any] | None = None
    interventions: tuple = ()
    saved_form: bytes | None = None
    cuda_graphs: bool | str = "auto"
    compile: bool | str = "auto"
    estimator: Any = None
    sight: Any = None
    input_sums: dict[str, Any] | None = None
    carried_sums: dict[str, Any] | None = None


@dataclass(frozen=True)
class TokenizerState:
    """What is attached to a tokenizer.

    ``interventions``: those of its model, which change the questions that are encoded.
    ``saved_files``: digests of the files from which it was last read back and found unchanged, so
    that saving many checkpoints checks it once; read by ``checkpoint.save``.
    ``pictures`` (``picture_tokens.PictureTokens``): how it writes a picture, if its model sees.
    """

    interventions: tuple = ()
    saved_files: dict[str, str] | None = None
    pictures: Any = None


def model_state(model) -> ModelState:
    """What is attached to a model; a record of defaults if nothing is."""
    return getattr(model, _NAME, None) or ModelState()


def tokenizer_state(tokenizer) -> TokenizerState:
    """What is attached to a tokenizer; a record of defaults if nothing is."""
    return getattr(tokenizer, _NAME, None) or TokenizerState()


def interventions_of(carrier) -> tuple:
    """The interventions that a model or a tokenizer carries, the first attached first."""
    state = getattr(carrier, _NAME, None)
    return () if state is None else state.interventions


def update_model(model, **values: Any) -> None:
    """Replace fields of a model's ``ModelState``; the others stay."""
    setattr(model, _NAME, replace(model_state(model), **values))


def update_tokenizer(tokenizer, **values: Any) -> None:
    """Replace fields of a tokenizer's ``TokenizerState``; the others stay."""
    setattr(tokenizer, _NAME, replace(tokenizer_state(tokenizer), **values))


def become(module, kind: type) -> None:
    """Make a module an instance of ``kind``, a class with the same parameters."""
    module.__class__ = kind


def detach_source(model) -> None:
    """Let saving write a model's weights even if a file has the same values, in another dtype."""
    model.name_or_path = ""


def run_functions(model) -> None:
    """Let ``model(function, *args)`` run ``function(model, *args)`` as the model's forward pass."""
    model.forward = lambda function, *args: function(model, *args)


@contextmanager
def answering(module, output: Any) -> Iterator[None]:
    """Within the block a call of a module returns ``output`` and runs none of its hooks."""
    module._call_impl = lambda *args, **kwargs: output
    try:
        yield
    finally:
        del module._call_impl


def call_through(module, call: Callable) -> None:
    """Let calls of a module go through ``call``, as those of a compiled module do."""
    module._compiled_call_impl = call


def is_hooked(module, itself: bool = True) -> bool:
    """Whether hooks run in a module's forward pass, in those within it and, if so, ``itself``."""
    return any(
        part._forward_hooks or part._forward_pre_hooks
        for part in module.modules()
        if itself or part is not module
    )


def register_attention(name: str, function: Callable, mask: Callable) -> None:
    """Let every transformers model choose an attention function, and its masks, by a name."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(name, function)
    AttentionMaskInterface.register(name, mask)


# The ``cost.Tally`` of the meter that is open, for the hooks that count passes.
TALLY: ContextVar[Any] = ContextVar("tally", default=None)
# The ``plain_rows.Pass`` that is running, for hooks on layers; None where the batch is packed.
PLAIN_PASS: ContextVar[Any] = ContextVar("plain_pass", default=None)
