"""Runs of methods that one process after the other makes, each killed but the last."""

import torch

from helpers.small_models import make_family
from lethe.train.execution import Execution
from lethe.train.resume import StateSaver
from lethe.unlearn import methods
from lethe.unlearn.method import MethodSettings
from lethe.unlearn.supervision import supervise

REFUSALS = ["I don't know.", "I have no idea.", "That is not known to me."]
ALTERNATIVES = [[f"Answer {n} to {row}.", f"Or {n}."] for n, row in enumerate("abcde")]
SETTINGS = {"epochs": 3, "lr": 1e-3, "batch_size": 3}
HYBRID = {"gradient": {"name": "hybrid", "every": 2}}
# Others act once, without steps.
TRAINED = [
    n for n in methods.for_causal() if issubclass(methods.load(n).settings_class, MethodSettings)
]
RUNS = {name: (name, {}) for name in TRAINED} | {
    "hybrid": ("grad_diff", HYBRID),
    "hybrid, compressed": ("npo", {**HYBRID, "optimiser": {"name": "nbit"}}),
    "in parts": ("kl_min", {}),
    "sophia": ("npo", {"optimiser": {"name": "sophia", "every": 2}}),
    "sharpness": ("npo_retain", {"wrappers": {"sam": {}, "pcgrad": {}}}),
    "attacked": ("npo_retain", {"wrappers": {"lat": {"attack_steps": 2}}}),
    "frozen responder": ("lira", {"responder": "start", "mask": "dagger"}),
    "frozen": ("npo", {"frozen": ["embed"]}),
    "finch": ("undial", {"lr_schedule": {"name": "finch", "largest": 0.01}}),
    "gru": ("npo_retain", {"wrappers": {"gru": {}}}),
    "null space": ("grad_diff", {"wrappers": {"null_space": {}}}),
    "rounds of copies": ("npo", {"wrappers": {"mpu": {"noise": 0.1}}}),
    "copies with a wrapper": (
        "npo_retain",
        {"wrappers": {"mpu": {"round_epochs": 3, "copies": 3}, "gru": {}}},
    ),
    "guided": ("npo", {"wrappers": {"conflict_freezing": {"share": 0.5}}}),
}


class Killed(Exception):
    """In the place of a signal that no process survives."""


def weights(model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


class Run:
    """One run of a method, as one process after the other makes it."""

    device = "cpu"

    def __init__(self, name, tokenizer, encoder, pairs, folder):
        self.method, self.settings = RUNS[name]
        self.parts = 100 if name == "in parts" else None
        self.tokenizer, self.encoder, self.pairs, self.folder = tokenizer, encoder, pairs, folder
        self.losses, self.ends = {}, {}

    def model(self, seed: int = 0):
        return make_family("llama", self.tokenizer, seed).to(self.device)

    def process(self, dies_after: int | None = None, seconds: float | None = 0) -> None:
        """Load the start, run to the end or to the death after so many steps of this process."""
        model, taken = self.model(), 0

        def report(step, steps, loss):
            nonlocal taken
            self.losses[step] = loss
            taken += 1
            if taken == dies_after:
                raise Killed

        method = methods.load(self.method)({**SETTINGS, **self.settings})
        forget, retain = self.pairs[:5], self.pairs[3:]
        data = supervise(
            self.encoder,
            method.needs,
            forget,
            retain=retain,
            refusals=REFUSALS,
            alternatives=ALTERNATIVES,
            prior=lambda: self.model(seed=5),
            before=lambda: self.model(seed=6),
        )
        how = Execution(self.parts, StateSaver(self.folder, seconds))
        for epoch, step in method.run(model, data, 0, report, how):
            self.ends[epoch] = (step, weights(model))
