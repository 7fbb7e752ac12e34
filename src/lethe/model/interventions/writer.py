"""A small language model that writes a prefix for each question: a policy of CAP, 2604.21251."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.model.intervention import Base
from lethe.model.interventions.policy import counted, joined
from lethe.model.prompt_gate import GATE, Gated

QUESTIONS = True
# What the writer reads, for questions near the forget set and for others.
PROMPTS = (
    "Write words that make a model withhold the answer.\nQuestion: {}\nWords:",
    "Write words that help a model answer.\nQuestion: {}\nWords:",
)
WEIGHTS = "policy."


class Writer:
    """A policy: ``model`` and its tokens; a prefix has up to ``length`` of them, one line of text.

    ``tokens``: a ``tokenizers.Tokenizer``; ``end``: the token that ends a prefix.
    """

    def __init__(self, model, tokens, end: int, length: int):
        self.model, self.tokens, self.end, self.length = model, tokens, end, length

    def prompt_ids(self, question: str, kind: int) -> list[int]:
        """What the policy reads before it writes; ``kind``: 0 near the forget set, 1 elsewhere."""
        ids = self.tokens.encode(PROMPTS[kind].format(question)).ids
        # Some tokenizers end every text, but this one is to go on.
        return ids[:-1] if ids and ids[-1] == self.end else ids

    def text(self, ids: Sequence[int]) -> str:
        """The prefix of written tokens."""
        return " ".join(self.tokens.decode(list(ids), skip_special_tokens=True).split())

    @torch.inference_mode()
    def likeliest(self, question: str, kind: int) -> str:
        """The prefix that greedy decoding writes."""
        written: list[int] = []
        prompt = self.prompt_ids(question, kind)
        while len(written) < self.length:
            ids = torch.tensor([[*prompt, *written]], device=self.model.device)
            chosen = int(self.model(input_ids=ids, use_cache=False).logits[0, -1].argmax())
            if chosen == self.end:
                break
            written.append(chosen)
        return self.text(written)


class Intervention(Base):
    """Puts before each question what a policy writes for it, of up to ``length`` tokens.

    ``config``: the policy's configuration as transformers writes it; ``tokenizer``: its
    tokenizer.json; ``end``: the token that ends a prefix. ``active``: whether it writes for
    questions near the forget set, and for others. The gate (``terms``, ``threshold``) is that of
    ``lethe.model.interventions.policy``. Tensors: the gate's, and the policy's parameters behind
    ``policy.``. ValueError where they do not belong together.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tokenizer: str,
        end: int,
        length: int,
        active: Sequence[bool],
        terms: Sequence[str],
        threshold: float,
        **tensors: torch.Tensor,
    ):
        if type(length) is not int or length < 1 or type(end) is not int or len(active) != 2:
            raise ValueError("it needs a length, an end token and two classes of questions")
        self.config, self.tokenizer, self.end, self.length = dict(config), tokenizer, end, length
        self.active, self.terms = [bool(one) for one in active], list(terms)
        self.gated = Gated(threshold, **{name: tensors[name] for name in GATE if name in tensors})
        if len(tensors["idf"]) != len(terms):
            raise ValueError("the gate's weights do not fit its terms")
        self.weights = {
            name.removeprefix(WEIGHTS): tensor
            for name, tensor in tensors.items()
            if name.startswith(WEIGHTS)
        }
        self.tokens = _tokens(tokenizer)
        self._writer: Writer | None = None
        self._written: dict[tuple[str, int], str] = {}
        self._model = None

    def values(self) -> dict:
        own = {"config": self.config, "tokenizer": self.tokenizer, "end": self.end}
        own |= {"length": self.length, "active": self.active, "terms": self.terms}
        return {**own, **self.gated.values()}

    def tensors(self) -> dict[str, torch.Tensor]:
        gate = {name: self.gated.data[name] for name in GATE}
        return {**gate, **{f"{WEIGHTS}{name}": value for name, value in self.weights.items()}}

    def install(self, model, place: int) -> None:
        self._model = weakref.ref(model)

    def question(self, text: str) -> str:
        kind = 0 if self.near(text) else 1
        if not self.active[kind]:
            return text
        if (text, kind) not in self._written:
            self._written[text, kind] = self.writer.likeliest(text, kind)
        return joined(self._written[text, kind], text)

    def near(self, text: str) -> bool:
        """Whether a question is near the forget set."""
        return self.gated.gate(counted([text], self.terms)).item() >= 0

    @property
    def writer(self) -> Writer:
        """The policy, made when it is first needed, on the device of the model that carries it."""
        if self._writer is None:
            carrier = None if self._model is None else self._model()
            device = "cpu" if carrier is None else carrier.device
            policy = made(self.config, self.weights).to(device)
            self._writer = Writer(policy, self.tokens, self.end, self.length)
        return self._writer

    def __deepcopy__(self, memo) -> Intervention:
        """Itself: it is data, and no copy of a model changes it."""
        return self


def made(config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]):
    """A causal language model from a configuration and its parameters, without any code of its own.

    LetheError if they do not belong together.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    values = dict(config)
    try:
        with torch.random.fork_rng(devices=[]):
            settings = AutoConfig.for_model(values.pop("model_type"), **values)
            model = AutoModelForCausalLM.from_config(settings, dtype=torch.float32)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise LetheError(
            f"intervention.json: its policy cannot be made ({reason}); make the checkpoint again"
        ) from error
    own = dict(model.named_parameters())
    shapes = {name: parameter.shape for name, parameter in own.items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()}:
        raise LetheError(
            "intervention.json: its policy's weights do not fit its configuration; make the "
            "checkpoint again"
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(weights[name]).requires_grad_(False)
    return model.eval()


def _tokens(text: str):
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(text)
    except Exception as error:
        raise ValueError(f"its policy's tokenizer cannot be read: {error}") from None
