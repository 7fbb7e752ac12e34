"""``lethe forget``: make a model forget whom or what it is told by name, without data."""

import argparse
import logging
import shlex
from pathlib import Path

from lethe.cli.arguments import by_options, place
from lethe.cli.model_options import (
    add_training,
    given_compute,
    given_settings,
    template,
)
from lethe.common.characters import log_to_screen, shown


def add(commands) -> None:
    forget = commands.add_parser(
        "forget", help="make a checkpoint forget whom or what you name, without data"
    )
    forget.add_argument("checkpoint", type=place, help="the model that knows it: folder or hub id")
    forget.add_argument("name", nargs="+", help="whom or what is to be forgotten, each in quotes")
    forget.add_argument(
        "--method", default="npo_retain", help="a name that `lethe methods` lists: npo_retain"
    )
    forget.add_argument("--out", type=place, required=True, help="a new folder")
    forget.add_argument(
        "--supervision",
        default="graph",
        help="how the model is asked what it knows: graph (the default) or direct",
    )
    forget.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the supervision: about=thing, samples=10",
    )
    forget.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the method"
    )
    add_training(forget)
    forget.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Forget, show answers before and after, and say how to audit the result."""
    log_to_screen(logging.INFO)
    with by_options():
        print(_summary(options, _forgotten(options)))


def _forgotten(options: argparse.Namespace):
    from lethe.common import outputs
    from lethe.common.progress import Progress
    from lethe.common.torch_setup import set_up
    from lethe.model import checkpoint_check
    from lethe.unlearn import supervisions
    from lethe.unlearn.forgetting import check_method, forget

    # Everything that can be checked without the model is checked before it is loaded.
    given, compute = given_settings(options.set), given_compute(options.compute)
    asked = given_settings(options.ask, "--ask")
    supervisions.check_anchors(options.name)
    supervisions.settings_of(options.supervision, asked, "--ask" if asked else "--supervision")
    check_method(options.method, given, compute)
    chosen = template(options)
    outputs.check_folder(options.out, read=(options.checkpoint,), empty=True)
    checkpoint_check.check_sources((options.checkpoint,))
    return forget(
        options.checkpoint,
        options.name,
        options.out,
        method=options.method,
        given=given,
        kind=options.supervision,
        settings=asked,
        template=chosen,
        max_length=options.max_length,
        seed=options.seed,
        compute=compute,
        device=set_up(options.threads, options.device),
        report=Progress(f"{options.method}, seed {options.seed}"),
    )


def _summary(options: argparse.Namespace, done) -> str:
    compared, lines = done.before_after, []
    for one in compared["answers"]:
        lines += [f"Q: {one['question']}", f"   before: {one['before']}"]
        lines += [f"   after:  {one['after']}"]
    for part, values in compared["probability"].items():
        if None not in values.values():
            before, after = values["before"], values["after"]
            lines.append(f"probability of {part} rows: {before:.3f} before, {after:.3f} after")
    words = ["lethe", "audit", str(done.checkpoint), "--full", options.checkpoint]
    words += ["--supervision", str(done.supervision), "--out", str(Path(options.out, "audit"))]
    escaped = [shown(line) for line in lines]
    return "\n".join([*escaped, f"forgotten: {done.checkpoint}", f"audit it: {shlex.join(words)}"])
