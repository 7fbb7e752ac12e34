"""What one of several processes does in test_core_processes.py, and one alone for comparison."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from core_helpers import PAIRS, make_family

from lethe import methods
from lethe.errors import LetheError
from lethe.execution import Alone, Execution
from lethe.records import Records, write_records
from lethe.resume import Keeper
from lethe.schedule import Schedule
from lethe.suites import Evaluation, Limits
from lethe.text import Encoder
from lethe.tiny import train_tokenizer
from lethe.train import fit
from lethe.unlearn import supervise

# Seven rows in threes: the last step has a single row, and one process none.
SETTINGS = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0}
RUNS = {
    "npo": ("npo", {}),
    "kl": ("kl_min", {}),
    "pdu": ("pdu", {"dual_warmup_epochs": 1, "optimiser": {"name": "sgd"}}),
    "rmu": ("rmu", {"layer": 0}),
    "estimated": ("grad_diff", {"gradient": {"name": "zeroth"}}),
    "whole": ("kl_min", {"open_unlearning": True}),
}


def trained(tokenizer, encoder, how: Execution) -> dict:
    """A fine-tune and a run of each method: losses, and weights at the end."""
    found = {}
    for name in ("fit", *RUNS):
        model, losses = make_family("llama", tokenizer), []

        def report(step, steps, loss, losses=losses):
            losses.append(loss)

        if name == "fit":
            fit(model, encoder.encode_all(PAIRS), Schedule(**SETTINGS), 0, report, how)
        else:
            cls, settings = RUNS[name]
            method = methods.load(cls)({**SETTINGS, **settings})
            data = supervise(encoder, method.needs, PAIRS, PAIRS[2:])
            list(method.run(model, data, 0, report, how))
        weights = torch.cat([p.detach().flatten() for p in model.parameters()])
        found[name] = (losses, weights)
    return found


def evaluated(tokenizer, encoder, team: Alone, file: Path) -> None:
    """The records of a model on sets larger and smaller than the number of processes."""
    row = {"perturbed_answer": ["No.", "In a year."], "paraphrased_answer": "Perhaps so."}
    rows = [{"question": q, "answer": a, **row} for q, a in PAIRS]
    sets = {"forget": rows, "retain": rows[:4], "real_authors": rows[:1], "world_facts": rows[:3]}
    evaluation = Evaluation("tofu", encoder, sets, Limits(max_length=40), team)
    found = evaluation(make_family("llama", tokenizer))
    if team.rank == 0:
        write_records(file, Records("tofu", [found]))


def stopped(tokenizer, encoder, team: Alone, folder: Path) -> list[float]:
    """A training of which one process is asked to end, and which then goes on."""
    losses = []

    def report(step, steps, loss):
        losses.append(loss)
        if step == 3 and len(losses) == 3 and team.rank == team.size - 1:
            keeper._note(15, None)

    for _ in range(2):
        keeper = Keeper(folder, None, team=team)
        how, model = Execution(None, keeper, team), make_family("llama", tokenizer)
        try:
            fit(model, encoder.encode_all(PAIRS), Schedule(**SETTINGS), 0, report, how)
        except LetheError:
            team.wait()
    return losses


def everything(team: Alone, out: Path) -> None:
    """Write what this process found to a folder of its own."""
    torch.set_num_threads(1)
    out.mkdir(parents=True)
    tokenizer = train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 400)
    encoder = Encoder(tokenizer, "chat", 96)
    for budget in (None, 80):
        for name, (losses, weights) in trained(
            tokenizer, encoder, Execution(budget, team=team)
        ).items():
            (out / f"{name}_{budget}.json").write_text(json.dumps(losses))
            np.save(out / f"{name}_{budget}.npy", weights.numpy())
    evaluated(tokenizer, encoder, team, out / "records.json")
    again = stopped(tokenizer, encoder, team, out.parent / "state")
    (out / "stopped.json").write_text(json.dumps(again))


if __name__ == "__main__":
    from lethe.team import Team

    together = Team("cpu")
    everything(together, Path(sys.argv[1]) / f"process{together.rank}")
