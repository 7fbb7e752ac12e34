"""Distance to the oracle: of weights, of hidden states and of next-token distributions.

UQS (arXiv 2605.02206) weighs metrics by these distances, and computes its own metrics from these
records. At the last token of each question, they hold the L2 distance of the states after the last
layer but one (our reading of its code's layer -2), the Jensen-Shannon divergence of the next
token's distributions, and what UQS's membership attack reads from the model's own distribution. The
distance of the weights is the same for all items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, Reference
from lethe.model.batch import pack, to_device
from lethe.model.encoder import Encoder, Example, rows_to_pairs
from lethe.model.forward import hidden_states, project
from lethe.model.likelihood import BUDGET, by_budget
from lethe.model.patching import check_alike, layer_outputs

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
COLUMNS = (
    "state_distance",
    "divergence",
    "weight_distance",
    "confidence",
    "entropy",
    "margin",
)
PROBE = True
REFERENCE = "oracle"


@dataclass(frozen=True)
class Prepared:
    """Question and answer, and examples that end with the question's last token, by set."""

    pairs: dict[str, list[tuple[str, str]]]
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every question."""
    pairs = {name: rows_to_pairs(some) for name, some in rows.items()}
    return Prepared(pairs, {name: _begun(encoder, some) for name, some in pairs.items()})


def _begun(encoder: Encoder, pairs: Sequence[tuple[str, str]]) -> list[Example]:
    """Each question with only the first token of its answer, which is not an input."""
    examples = encoder.encode_all(pairs)
    return [Example(example.ids[: example.start + 1], example.start) for example in examples]


@torch.inference_mode()
def record(model, prepared: Prepared, limits: Limits, oracle: Reference) -> dict[str, ItemSet]:
    """The columns of both sets under one model; LetheError for an oracle of other sizes."""
    check_alike(model, oracle.model)
    apart = weight_distance(model, oracle.model)
    budget = limits.token_budget or BUDGET[model.device.type]
    sets = {}
    for name, pairs in prepared.pairs.items():
        own = ends(model, prepared.examples[name], budget)
        theirs = ends(oracle.model, _begun(oracle.encoder, pairs), budget)
        sets[name] = _item_set(pairs, own, theirs, apart)
    return sets


@dataclass(frozen=True)
class Ends:
    """At the end of n questions: states [n, H], log-probabilities of the next token [n, V]."""

    states: torch.Tensor
    logs: torch.Tensor


def ends(model, examples: Sequence[Example], budget: int) -> Ends:
    """A model's states and log-probabilities at the ends of questions, in their order."""
    order, states, logs = [], [], []
    for some in by_budget(range(len(examples)), budget, lambda k: len(examples[k])):
        order += some
        batch = to_device(pack([examples[k] for k in some]), model.device)
        layers = layer_outputs(model, batch, batch.predictors)
        states.append(layers[max(0, len(layers) - 2)].double())
        last = project(model, hidden_states(model, batch)[batch.predictors])
        logs.append(last.double().log_softmax(-1))
    back = torch.tensor(order).argsort().to(model.device)
    return Ends(torch.cat(states)[back], torch.cat(logs)[back])


def weight_distance(model, oracle) -> float:
    """Mean over parameter tensors of the L2 norm of their difference."""
    theirs = dict(oracle.named_parameters())
    norms = []
    for name, weight in model.named_parameters():
        if name not in theirs or theirs[name].shape != weight.shape:
            raise LetheError(f"oracle: its weights do not match {name}; name one of the same model")
        norms.append((weight.double() - theirs[name].double()).norm().item())
    return float(np.mean(norms))


def jensen_shannon(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Divergence of two sets of log-probabilities [n, V] (nats, at most log 2), [n]."""
    middle = torch.logaddexp(left, right) - np.log(2)
    sides = [(logs.exp() * (logs - middle)).sum(-1) for logs in (left, right)]
    # For equal distributions only rounding is left.
    return ((sides[0] + sides[1]) / 2).clamp(min=0)


def _item_set(pairs: Sequence[tuple[str, str]], own: Ends, oracle: Ends, apart: float) -> ItemSet:
    best = own.logs.exp().topk(2).values
    columns = {
        "state_distance": (own.states - oracle.states).norm(dim=-1),
        "divergence": jensen_shannon(own.logs, oracle.logs),
        "confidence": best[:, 0].clamp(max=1),
        "entropy": -(own.logs.exp() * own.logs).sum(-1),
        "margin": best[:, 0] - best[:, 1],
    }
    return ItemSet(
        question=[question for question, _ in pairs],
        answer=[answer for _, answer in pairs],
        weight_distance=np.full(len(pairs), apart),
        **{name: values.cpu().numpy() for name, values in columns.items()},
    )
