"""``lethe plan``: what a configuration needs, before it runs."""

import argparse
import json

from lethe.cli.arguments import place, share, whole
from lethe.common.errors import LetheError

# Each seed is planned separately.
MANY = 100_000


def add(commands) -> None:
    plan = commands.add_parser("plan", help="what a configuration needs: GPU-hours, memory, disk")
    plan.add_argument(
        "--configfile", nargs="+", type=place, default=[], help="presets, as for snakemake"
    )
    plan.add_argument("--gpu", default="a100", help="h200, h100, a100 (the default) or a6000")
    plan.add_argument(
        "--efficiency",
        type=share,
        help="share of the peak reached (default: as measured for models of that size)",
    )
    plan.add_argument("--seeds", type=whole(1, MANY), help="as if there were this many")
    plan.add_argument(
        "--methods", type=whole(1, MANY), help="as if there were this many like those listed"
    )
    plan.add_argument("--json", action="store_true", help="hours and bytes as JSON")
    plan.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the plan."""
    from lethe.pipeline.config.check import check
    from lethe.pipeline.config.load import configuration
    from lethe.pipeline.estimate import Assumed, plan
    from lethe.pipeline.gpu_speed import GPUS
    from lethe.pipeline.plan_text import as_json, as_text

    if options.gpu not in GPUS:
        raise LetheError(f"--gpu: unknown GPU {options.gpu!r}; choose from {', '.join(GPUS)}")
    assumed = Assumed(GPUS[options.gpu], options.efficiency, options.seeds, options.methods)
    config = configuration(options.configfile)
    check(config)
    models = plan(config, assumed)
    print(json.dumps(as_json(models), indent=1) if options.json else as_text(models, assumed))
