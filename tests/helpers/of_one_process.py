"""What one of several processes does in test_several_processes.py, and one alone for comparison."""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from helpers.small_models import PAIRS, make_family
from lethe.common.distributed import SingleProcess
from lethe.common.errors import LetheError
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.encoder import Encoder
from lethe.model.fsdp import Sharded
from lethe.model.precision import prepare
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.resume import StateSaver
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise

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
# What runs in shards, too; with what needs more than sums: products of gradients, frozen layers.
IN_SHARDS = {name: RUNS[name] for name in ("npo", "kl", "rmu", "whole")} | {
    "gru": ("npo_retain", {"wrappers": {"gru": {}}, "frozen": ["embed"]}),
    "nbit": ("grad_diff", {"optimiser": {"name": "nbit"}}),
}


def trained(tokenizer, encoder, how: Execution, runs: dict) -> dict:
    """A fine-tune and a run of each method: losses, and weights at the end, of the first process
    alone if they are in shards."""
    found = {}
    for name in ("fit", *runs):
        model, losses = make_family("llama", tokenizer), []

        def report(step, steps, loss, losses=losses):
            losses.append(loss)

        if name == "fit":
            fit(model, encoder.encode_all(PAIRS), Schedule(**SETTINGS), 0, report, how)
        else:
            cls, settings = runs[name]
            method = methods.load(cls)({**SETTINGS, **settings})
            data = supervise(encoder, method.needs, PAIRS, retain=PAIRS[2:])
            list(method.run(model, data, 0, report, how))
        weights = [how.process_group.unsharded(p.detach()) for p in model.parameters()]
        found[name] = (losses, None if None in weights else flat(weights))
    return found


def flat(weights) -> torch.Tensor:
    return torch.cat([p.flatten() for p in weights])


def saved(tokenizer, encoder, process_group: SingleProcess, folder: Path) -> None:
    """A checkpoint of a fine-tune with all that a large model has: tied weights, in bfloat16, with
    master weights, activations computed again."""
    model = make_family("llama", tokenizer)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.to(torch.bfloat16)
    training = {"master_weights": True, "gradient_checkpointing": True, "lora": None}
    prepare(model, training, 0, "start")
    fit(
        model,
        encoder.encode_all(PAIRS),
        Schedule(**SETTINGS),
        0,
        how=Execution(process_group=process_group),
    )
    checkpoint.save(folder, model, tokenizer, {"stage": "test"})


def evaluated(tokenizer, encoder, process_group: SingleProcess, file: Path) -> None:
    """The records of a model on sets larger and smaller than the number of processes."""
    row = {"perturbed_answer": ["No.", "In a year."], "paraphrased_answer": "Perhaps so."}
    rows = [{"question": q, "answer": a, **row} for q, a in PAIRS]
    sets = {"forget": rows, "retain": rows[:4], "real_authors": rows[:1], "world_facts": rows[:3]}
    evaluation = Evaluation("tofu", encoder, sets, Limits(max_length=40), process_group)
    found = evaluation(make_family("llama", tokenizer))
    if process_group.rank == 0:
        write_records(file, Records("tofu", [found]))


def stopped(tokenizer, encoder, process_group: SingleProcess, folder: Path) -> list[float]:
    """A training of which one process is asked to end, and which then goes on."""
    losses = []

    def report(step, steps, loss):
        losses.append(loss)
        if step == 3 and len(losses) == 3 and process_group.rank == process_group.size - 1:
            state_saver._note(15, None)

    for _ in range(2):
        state_saver = StateSaver(folder, None, process_group=process_group)
        how, model = Execution(None, state_saver, process_group), make_family("llama", tokenizer)
        try:
            fit(model, encoder.encode_all(PAIRS), Schedule(**SETTINGS), 0, report, how)
        except LetheError:
            process_group.wait()
    return losses


def everything(process_group: SingleProcess, out: Path) -> None:
    """Write what this process found to a folder of its own."""
    torch.set_num_threads(1)
    out.mkdir(parents=True)
    tokenizer = train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 400)
    encoder = Encoder(tokenizer, "chat", 96)
    for budget in (None, 80):
        found = trained(tokenizer, encoder, Execution(budget, process_group=process_group), RUNS)
        keep(found, out, f"_{budget}")
    evaluated(tokenizer, encoder, process_group, out / "records.json")
    again = stopped(tokenizer, encoder, process_group, out.parent / "state")
    (out / "stopped.json").write_text(json.dumps(again))


def in_shards(process_group: SingleProcess, out: Path) -> None:
    """As ``everything``, of what processes can do that hold a model together."""
    torch.set_num_threads(1)
    out.mkdir(parents=True)
    tokenizer = train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 400)
    encoder = Encoder(tokenizer, "chat", 96)
    keep(
        trained(tokenizer, encoder, Execution(80, process_group=process_group), IN_SHARDS),
        out,
        "_80",
    )
    saved(tokenizer, encoder, process_group, out / "checkpoint")
    again = stopped(tokenizer, encoder, process_group, out.parent / "sharded_state")
    (out / "stopped.json").write_text(json.dumps(again))


def keep(found: dict, out: Path, end: str) -> None:
    for name, (losses, weights) in found.items():
        (out / f"{name}{end}.json").write_text(json.dumps(losses))
        if weights is not None:
            np.save(out / f"{name}{end}.npy", weights.numpy())


if __name__ == "__main__":
    from lethe.common.distributed import ProcessGroup

    together = ProcessGroup("cpu")
    everything(together, Path(sys.argv[1]) / f"process{together.rank}")
    in_shards(Sharded("cpu"), Path(sys.argv[1]) / f"sharded{together.rank}")
