"""``lethe unlearn``: one method on one checkpoint, without a workflow."""

import argparse
import logging
from pathlib import Path
from typing import Any

from lethe.cli.arguments import SPLIT, by_options, checkpoints, place
from lethe.cli.model_options import (
    add_training,
    given_compute,
    given_settings,
    template,
)
from lethe.common.characters import log_to_screen


def add(commands) -> None:
    unlearn = commands.add_parser("unlearn", help="run one method on a checkpoint, no workflow")
    unlearn.add_argument(
        "checkpoint", type=place, help="the model that knows the forget set: folder or hub id"
    )
    unlearn.add_argument("--method", required=True, help="a name that `lethe methods` lists")
    unlearn.add_argument(
        "--data", type=place, required=True, help="a folder of TOFU's files: forget10.json, …"
    )
    unlearn.add_argument("--split", required=True, help=SPLIT)
    unlearn.add_argument(
        "--out", type=place, required=True, help="a new folder; epoch1, epoch2, … go there"
    )
    unlearn.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the method"
    )
    unlearn.add_argument(
        "--keep",
        choices=("all", "last"),
        default="all",
        help="whether every epoch's checkpoint is saved, or only the last",
    )
    for need in checkpoints():
        unlearn.add_argument(f"--{need.name}", type=place, help=need.description)
    add_training(unlearn)
    unlearn.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Unlearn, and print the folder of the last epoch."""
    log_to_screen(logging.INFO)
    with by_options():
        print(f"unlearned: {_unlearned(options)}")


def _unlearned(options: argparse.Namespace) -> Path:
    from lethe.common import outputs
    from lethe.common.torch_setup import set_up
    from lethe.evaluate import roles
    from lethe.model import checkpoint_check
    from lethe.model.cost import Meter
    from lethe.unlearn.files import files_of
    from lethe.unlearn.methods import load
    from lethe.unlearn.unlearning import check_adapters, check_recomputed

    # Everything that can be checked without the model is checked before it is loaded.
    method = load(options.method)(given_settings(options.set), options.method)
    compute = given_compute(options.compute)
    check_adapters(method, compute)
    check_recomputed(method, compute)
    others = {need.name: vars(options)[need.name] for need in checkpoints()}
    files = files_of(options.data, options.split, method.needs, **others)
    chosen = template(options)
    outputs.check_folder(options.out, read=(options.checkpoint, options.data, *others.values()))
    for need in checkpoints():
        if need.source.role is not None:
            roles.check_role(f"--{need.name}", others[need.name], need.source.role)
    checkpoint_check.check_sources((options.checkpoint, *others.values()))
    how = {"template": chosen, "max_length": options.max_length, "seed": options.seed}
    with Meter() as meter:
        how |= {"compute": compute, "device": set_up(options.threads, options.device)}
        run = _run(options, method, files, how)
        meter.write(Path(options.out, "cost.json"), **run.counts)
    return run.checkpoints[-1]


def _run(options: argparse.Namespace, method, files: dict, how: dict[str, Any]):
    from lethe.common.progress import Progress
    from lethe.unlearn.made_files import make
    from lethe.unlearn.needs import chosen
    from lethe.unlearn.unlearning import unlearn

    out = Path(options.out)
    for need in chosen(method.needs):
        if need.is_made and not need.source.by_run:
            files[need.name] = out / need.source.name
            make(need.source.maker, options.checkpoint, files["forget"], files[need.name], **how)
    report = Progress(f"{options.method}, seed {options.seed}")
    return unlearn(
        options.checkpoint,
        method,
        files,
        out,
        **how,
        report=report,
        split=options.split,
        keep=options.keep,
    )
