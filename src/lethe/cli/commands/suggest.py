"""``lethe suggest``: a configuration for a request to forget, with the reason for each choice."""

import argparse

from lethe.cli.arguments import place, whole

MANY = 100_000


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
    """Print the configuration."""
    from lethe.pipeline.card import Card
    from lethe.pipeline.plan_accuracy import measured
    from lethe.pipeline.planner import suggest

    if options.measure:
        for planner, share in measured().items():
            print(f"{planner}: {share:.2f}")
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
