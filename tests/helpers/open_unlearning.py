"""What open-unlearning computed: losses of its methods, its evaluation, and their peculiarities.

The methods' batch, models and values are an `Oracle`; its evaluation of two tiny models on data in
TOFU's format lies in the folder ``parity``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from helpers.shared_data import shared_folder
from lethe.model import checkpoint
from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.padded_batch import padded
from lethe.unlearn import methods
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.runner import answer_nll

PADDING = 2
# Which of its trainers is which of ours, with its settings that are not our defaults. Its
# retain term is of the kind "nll" where it says nothing.
OURS = {
    "GradAscent": ("grad_ascent", {}),
    "GradDiff": ("grad_diff", {}),
    "GradDiff_KL": ("kl_min", {}),
    "NPO": ("npo_retain", {}),
    "NPO_KL": ("npo_kl", {}),
    "DPO": ("dpo", {}),
    "AltPO": ("altpo", {}),
    "SimNPO": ("simnpo", {}),
    "RMU": ("rmu", {"layer": 2}),
    "UNDIAL": ("undial", {}),
    "CEU": ("ce_u", {}),
    "SatImp": ("satimp", {}),
    "WGA": ("wga", {}),
    "PDU": ("pdu", {}),
}


# It sums log-likelihoods over logits of the shape [B, V, T], which is less exact: on answers that
# the model knows by heart single gradients are off by up to 8e-4.
INEXACT = {("models/full", "NPO"), ("models/full", "NPO_KL")}
# And losses of well-fitted rows by up to 2e-5 nats, which min-k and the attacks carry on.
LOSS = 3e-5
# Its prefix of each of our sets, and its name of each of our attacks.
SETS = {"forget": "forget", "retain": "retain", "real_authors": "ra", "world_facts": "wf"}
ATTACKS = {
    "membership_loss": "mia_loss",
    "membership_zlib": "mia_zlib",
    "membership_min_k": "mia_min_k",
    "membership_min_k_plus_plus": "mia_min_k_plus_plus",
    "membership_gradient_norm": "mia_gradnorm",
    "membership_reference": "mia_reference",
}
# With these settings the metrics that differ are computed as it does.
ITS_METRICS = [
    "extraction_strength.last_token=open_unlearning",
    "membership_gradient_norm.loss=open_unlearning",
]


@pytest.fixture(scope="session")
def parity() -> Path:
    """Its tiny models, its data in TOFU's format and its own evaluation of them."""
    return shared_folder("oracle", "parity")


@pytest.fixture(scope="session")
def evaluation_log() -> Callable[..., Path]:
    """Path of a log of its evaluation by the model's name: ``full`` or ``retain``."""
    folder = shared_folder("oracle", "parity", "evals")
    return lambda name, file="TOFU_EVAL": folder / name / f"{file}.json"


@dataclass
class Oracle:
    """One of the two files: models M and R, the batch and the values."""

    values: dict
    current: torch.nn.Module
    original: torch.nn.Module

    @classmethod
    def read(cls, *folder: str) -> "Oracle":
        top = shared_folder("oracle", "parity")
        file = top.joinpath(*folder, "method_losses_A.json")
        values = json.loads(file.read_text(encoding="utf-8"))
        names = values["setup"]["model_M"], values["setup"]["reference_R"]
        current, original = (checkpoint.load(top / name)[0] for name in names)
        original.requires_grad_(False)
        return cls(values, current, original)

    def examples(self, name: str) -> list[Example]:
        """Its own tokens: prompts are what it labelled -100."""
        rows = self.values["inputs"][name]["tokenised"]
        return [
            Example(tuple(ids), sum(label == -100 for label in labels))
            for ids, labels in zip(rows["input_ids"], rows["labels"], strict=True)
        ]

    def step(self) -> Step:
        """The batch, padded as it pads it."""
        batches = (self.examples(name) for name in ("forget", "retain", "alternate"))
        return Step(*(padded(batch, range(len(batch)), PADDING) for batch in batches))

    def reference(self) -> Reference:
        forget, alternate = (
            answer_nll(self.original, self.examples(n), 8) for n in ("forget", "alternate")
        )
        return Reference(forget, alternate, Forward(self.original))

    def method(self, key: str, **settings):
        """Ours, ready for a step, as it ran it."""
        name, own = OURS[key]
        cls = methods.load(name)
        if "open_unlearning" in cls.settings_class.model_fields:
            own = {"open_unlearning": True, **own}
        method = cls(own | settings)
        method.prepare(Forward(self.current).model, None, 0)
        if key == "RMU":
            method.direction = torch.tensor(self.values["methods"]["RMU"]["control_vector"])
        return method


def gradient_norms(model, loss: torch.Tensor) -> dict[str, float]:
    """Norm of the loss' gradient by parameter; 0 where it does not reach."""
    model.zero_grad(set_to_none=True)
    loss.backward()
    norms = {
        name: 0.0 if p.grad is None else float(p.grad.double().norm())
        for name, p in model.named_parameters()
    }
    model.zero_grad(set_to_none=True)
    return norms


def total(norms: dict[str, float]) -> float:
    """The global norm."""
    return sum(norm**2 for norm in norms.values()) ** 0.5
