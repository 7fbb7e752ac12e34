"""``lethe tofu-logs``: TOFU's numbers again, from logs of its or open-unlearning's evaluation."""

import argparse
import sys
from pathlib import Path

from lethe.cli.arguments import by_options, place
from lethe.common.characters import shown
from lethe.common.errors import LetheError


def add(commands) -> None:
    logs = commands.add_parser(
        "tofu-logs", help="score logs of TOFU's or open-unlearning's evaluation"
    )
    logs.add_argument(
        "file",
        type=place,
        help="eval_log_aggregated.json or TOFU_EVAL.json; or a folder of folders with these, "
        "named like open-unlearning's checkpoints",
    )
    logs.add_argument("--oracle", type=place, help="the log of the retain model: forget quality")
    logs.add_argument("--variant", choices=["geometric", "arithmetic"], default="geometric")
    logs.add_argument(
        "--unpaired", action="store_true", help="as the official script: do not pair items"
    )
    logs.add_argument(
        "--out", type=place, help="of a folder: where its results are written, results/NAME"
    )
    logs.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the numbers of one log, or write the results of a folder of logs."""
    if Path(options.file).is_dir() and options.out is not None:
        _import(options)
        return
    if options.out is not None:
        raise LetheError(f"--out: {options.file} is one log, not a folder; leave it out")
    import json

    from lethe.analysis.log_scores import tofu_logs

    report = tofu_logs(options.file, options.oracle, options.variant, options.unpaired)
    print(json.dumps(report, indent=2))


def _import(options: argparse.Namespace) -> None:
    from lethe.analysis.log_import import TABLE, import_logs

    if options.oracle is not None or options.unpaired:
        raise LetheError(
            "--oracle, --unpaired: for one log; of a folder, oracles are the logs of retain models"
        )
    with by_options():
        table, notes = import_logs(options.file, options.out, options.variant)
    for line in notes:
        print(shown(line), file=sys.stderr)
    print(f"{len(table)} runs: {options.out}/{TABLE}")
