"""``lethe evaluate``: every metric of one checkpoint on a folder of data."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lethe.cli.arguments import SPLIT, by_options, place, seed, whole
from lethe.cli.model_options import (
    add_compute,
    add_template,
    given_compute,
    given_settings,
    template,
)
from lethe.common import declared_settings
from lethe.common.errors import LetheError

if TYPE_CHECKING:
    from lethe.analysis.attacked_checkpoints import Attack
    from lethe.analysis.checkpoint_evaluation import Evaluated


def add(commands) -> None:
    evaluate = commands.add_parser("evaluate", help="evaluate a checkpoint on a folder of data")
    evaluate.add_argument(
        "checkpoint", type=place, nargs="+", help="a folder or a hub id; several share the oracle"
    )
    evaluate.add_argument(
        "--data", type=place, required=True, help="a folder with files in TOFU's format"
    )
    evaluate.add_argument("--split", required=True, help=SPLIT)
    evaluate.add_argument(
        "--oracle", type=place, help="the checkpoint trained without the forget set"
    )
    evaluate.add_argument("--full", type=place, help="the checkpoint before unlearning")
    evaluate.add_argument("--base", type=place, help="the checkpoint that learned no author")
    evaluate.add_argument("--out", type=place, required=True, help="the JSON file to write")
    evaluate.add_argument(
        "--metrics", nargs="+", help="by default all that can be computed, except probes"
    )
    evaluate.add_argument(
        "--set", action="append", default=[], metavar="METRIC.KEY=VALUE", help="of a metric"
    )
    evaluate.add_argument(
        "--suite-set", action="append", default=[], metavar="SUITE.KEY=VALUE", help="of a suite"
    )
    evaluate.add_argument(
        "--attack", help="what is done to the checkpoint first (docs/comparison.md)"
    )
    evaluate.add_argument(
        "--attack-set", action="append", default=[], metavar="KEY=VALUE", help="of the attack"
    )
    evaluate.add_argument("--seed", type=seed, default=0, help="of the attack's draws")
    evaluate.add_argument(
        "--line-to", type=place, help="a checkpoint: losses on the straight line to it, a barrier"
    )
    evaluate.add_argument("--points", type=whole(3), default=11, help="on that line")
    add_template(evaluate)
    evaluate.add_argument(
        "--items", type=whole(1), help="at most this many of each set (default: all)"
    )
    evaluate.add_argument("--max-length", type=whole(8), default=512, help="tokens of a text")
    evaluate.add_argument("--max-new-tokens", type=whole(1), default=200, help="of a generation")
    add_compute(evaluate, "dtype=bfloat16, attention=eager", "")
    evaluate.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluate, write the file, print each metric's values."""
    from lethe.common.files import write_json

    with by_options():
        evaluations = _evaluated(options)
    documents = [evaluation.document() for evaluation in evaluations]
    several = len(evaluations) > 1
    write_json(options.out, {"checkpoints": documents} if several else documents[0])
    for evaluation in evaluations:
        if several:
            print(evaluation.request.checkpoint)
        _show(evaluation)


def _show(evaluation: Evaluated) -> None:
    printed = evaluation.metrics | evaluation.line
    for name, metric in printed.items():
        for value, number in metric.checkpoints[0].values.items():
            print(f"{name}.{value}\t{number:.6g}")
    for name, why in evaluation.skipped.items():
        print(f"{name}: skipped, {why}")


def _evaluated(options: argparse.Namespace) -> list[Evaluated]:
    from lethe import metrics
    from lethe.analysis.checkpoint_evaluation import Request, evaluate_all
    from lethe.common.torch_setup import set_up
    from lethe.evaluate import suite as suites
    from lethe.evaluate.suite import Limits

    compute = given_compute(options.compute)
    trained = compute.model_fields_set - compute.loading().keys() - {"cuda_graphs", "compile"}
    if trained:
        raise LetheError(f"--compute {min(trained)}: evaluation trains nothing; leave it out")
    chosen = _template(options)
    settings = plugin_settings("--set", "METRIC", options.set, metrics.contract)
    of_suites = plugin_settings("--suite-set", "SUITE", options.suite_set, suites.contract)
    _check_places(options)
    device, attack = set_up(options.threads, options.device), _attack(options)
    return evaluate_all(
        [
            Request(
                checkpoint,
                options.data,
                options.split,
                options.oracle,
                options.full,
                options.metrics,
                settings,
                chosen,
                options.items,
                Limits(options.max_length, options.max_new_tokens),
                compute,
                device,
                of_suites,
                attack,
                options.line_to,
                options.points,
                options.base,
            )
            for checkpoint in options.checkpoint
        ]
    )


def _template(options: argparse.Namespace) -> dict[str, Any]:
    """The template of all checkpoints, in which the models beside them are asked, too."""
    first, *others = ((source, template(options, source)) for source in options.checkpoint)
    for source, chosen in others:
        if chosen != first[1]:
            raise LetheError(
                f"checkpoint: {source} and {first[0]} have different templates; evaluate each by "
                "itself"
            )
    return first[1]


def _attack(options: argparse.Namespace) -> Attack | None:
    from lethe.analysis.attacked_checkpoints import Attack
    from lethe.evaluate import attack

    if options.attack is None:
        for option in ("attack_set", "seed"):
            if getattr(options, option):
                raise LetheError(f"--{option.replace('_', '-')}: belongs to --attack; name one")
        return None
    attack.ATTACKS.check(options.attack, "--attack")
    chosen = given_settings(options.attack_set, "--attack-set")
    attack.settings_of(options.attack, chosen, "--attack-set")
    return Attack(options.attack, chosen, options.seed)


def _check_places(options: argparse.Namespace) -> None:
    """Check files and folders as far as possible without loading a model."""
    from lethe.common import outputs
    from lethe.evaluate import roles

    own = (options.oracle, options.full, options.line_to, options.base)
    outputs.check_file(options.out, (options.data, *options.checkpoint, *own))
    twice = next((c for c in options.checkpoint if options.checkpoint.count(c) > 1), None)
    if twice is not None:
        raise LetheError(f"checkpoint: {twice} is given twice; give it once")
    roles.check_oracle("--oracle", options.oracle, options.data, options.split)
    roles.check_role("--full", options.full, "full")
    roles.check_role("--base", options.base, "prior")
    roles.check_different((("--full", options.full), ("--oracle", options.oracle)))


def plugin_settings(
    option: str, noun: str, given: list[str], contract: Callable[[str], Any]
) -> dict[str, dict[str, Any]]:
    """``NAME.KEY=VALUE`` as settings by name; ``contract`` says which of them are numbers."""
    settings: dict[str, dict[str, Any]] = {}
    for text in given:
        left, _, value = text.partition("=")
        name, _, key = left.partition(".")
        if not (name and key and value):
            raise LetheError(f"{option}: {text!r} is not {noun}.KEY=VALUE")
        rule = contract(name).settings.get(key)
        if key in settings.get(name, {}):
            raise LetheError(f"{option}: {name}.{key} is given twice; give it once")
        settings.setdefault(name, {})[key] = declared_settings.from_text(rule, value)
    return settings
