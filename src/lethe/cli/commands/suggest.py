"""``lethe suggest``: a configuration for a request to forget, with the reason for each choice."""

import argparse

from lethe.cli.arguments import place, whole
from lethe.common.errors import LetheError

MANY = 100_000
# Options that mean nothing without another.
NEEDED = {"write": "measure", "executed": "measure", "failed": "executed"}
# What a request says by default, apart from its size; --measure takes requests of every kind.
OF_REQUEST = {
    **dict.fromkeys(("no_retain", "prior", "inference_only"), False),
    **dict.fromkeys(("gpu", "hours", "model", "base", "parameters", "data")),
    "budget": "some",
    "gpus": 1,
}
NOTE = "difference: from the plans with the task library"


def add(commands) -> None:
    suggest = commands.add_parser(
        "suggest", help="a configuration for a request to forget, with reasons"
    )
    suggest.add_argument("--forget", type=whole(1, MANY), default=6, help="authors to forget: 6")
    suggest.add_argument("--authors", type=whole(2, MANY), default=60, help="of how many: 60")
    suggest.add_argument(
        "--no-retain", action="store_true", help="no rows that must stay are at hand"
    )
    suggest.add_argument(
        "--prior", action="store_true", help="a checkpoint from before they were learned is"
    )
    suggest.add_argument(
        "--inference-only", action="store_true", help="the weights must not be changed"
    )
    suggest.add_argument("--budget", default="some", help="little, some (the default) or much")
    suggest.add_argument("--gpu", help="h200, h100, a100 or a6000; by default a processor")
    suggest.add_argument("--gpus", type=whole(1, 1024), default=1, help="how many: 1")
    suggest.add_argument("--hours", type=_above_zero, help="GPU-hours that it may take at most")
    suggest.add_argument("--model", type=place, help="the checkpoint that learned the authors")
    suggest.add_argument("--base", type=place, help="the checkpoint that it came from")
    suggest.add_argument("--parameters", type=_above_zero, help="its number of weights, as 7e9")
    suggest.add_argument("--data", type=place, help="what it learned: a folder in TOFU's format")
    suggest.add_argument(
        "--learn", nargs="+", type=place, default=[], metavar="SCORES", help="past runs: scores.csv"
    )
    suggest.add_argument(
        "--measure", action="store_true", help="how well plans agree with the best known ones"
    )
    suggest.add_argument(
        "--write", type=place, metavar="YAML", help="with --measure: the runs of all plans"
    )
    suggest.add_argument(
        "--executed", type=place, metavar="SCORES", help="with --measure: how often they succeeded"
    )
    suggest.add_argument(
        "--failed", nargs="+", default=[], metavar="RUN", help="runs of those without a score"
    )
    suggest.set_defaults(run=run)


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number above 0")
    return value


def run(options: argparse.Namespace) -> None:
    """Print the configuration, or how good plans are."""
    from lethe.pipeline.card import Card
    from lethe.pipeline.planner import suggest

    _check_measure(options)
    if options.measure:
        _measure(options)
        return

    card = Card(
        forget=options.forget,
        authors=options.authors,
        retain=not options.no_retain,
        prior=options.prior,
        inference_only=options.inference_only,
        budget=options.budget,
        gpu=options.gpu,
        gpus=options.gpus,
        hours=options.hours,
        model=options.model,
        base=options.base,
        parameters=options.parameters,
        data=options.data,
    )
    print(suggest(card, _learned(options.learn)).as_yaml(), end="")


def _learned(files: list[str]) -> dict[str, float]:
    if not files:
        return {}
    from lethe.pipeline.plan_learning import success

    return success(files)


def _check_measure(options: argparse.Namespace) -> None:
    for name, needed in NEEDED.items():
        if getattr(options, name) and not getattr(options, needed):
            raise LetheError(f"--{name} belongs to --{needed}; add it")
    given = [name for name, usual in OF_REQUEST.items() if getattr(options, name) != usual]
    if options.measure and given:
        option = given[0].replace("_", "-")
        raise LetheError(f"--{option}: --measure takes requests of every kind; leave it out")
    if options.measure and options.learn and not options.executed:
        raise LetheError("--learn: with --measure it changes what is --executed; add that")
    if options.write and options.executed:
        raise LetheError("--write and --executed: first write the runs, then carry them out")


def _measure(options: argparse.Namespace) -> None:
    from lethe.pipeline import plan_accuracy, plan_runs

    cards = plan_runs.requests(options.forget, options.authors)
    if options.write:
        import yaml

        from lethe.common import outputs
        from lethe.common.files import write_text

        outputs.check_file(options.write, option="--write")
        text = yaml.safe_dump(plan_runs.together(cards), sort_keys=False, width=100)
        write_text(options.write, text)
        print(f"{options.write}: written; run it, then --measure --executed")
    elif options.executed:
        _print_success(options, cards)
    else:
        for planner, share in plan_accuracy.measured().items():
            print(f"{planner}: {share:.2f}")


def _print_success(options: argparse.Namespace, cards: list) -> None:
    from lethe.pipeline.plan_success import measured

    table = measured(options.executed, cards, options.failed, options.learn)
    print("\t".join(table.columns))
    for row in table.itertuples(index=False):
        print("\t".join(f"{cell:.3f}" if isinstance(cell, float) else cell for cell in row))
    print(f"low, high: 95% intervals over the {len(cards)} requests, resampled together; {NOTE}")
