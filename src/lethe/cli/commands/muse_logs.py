"""``lethe muse-logs``: MUSE's numbers again, from the logs of its own evaluation."""

import argparse

from lethe.cli.arguments import place
from lethe.common.outputs import check_file


def add(commands) -> None:
    logs = commands.add_parser("muse-logs", help="score the logs of MUSE's evaluation again")
    logs.add_argument("folder", type=place, help="with verbmem_f, knowmem_f, knowmem_r, privleak")
    logs.add_argument(
        "--oracle", type=place, help="the same folder of the retrained model: PrivLeak"
    )
    logs.add_argument(
        "--corpus", choices=["news", "books"], help="PrivLeak with MUSE's constant for it instead"
    )
    logs.add_argument("--out", type=place, help="a JSON file to write as well")
    logs.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the numbers; with ``--out`` write them to a file, too."""
    import json

    from lethe.analysis.muse_scores import muse_logs
    from lethe.common.files import write_json

    if options.out is not None:
        check_file(options.out, (options.folder, options.oracle))
    report = muse_logs(options.folder, options.oracle, options.corpus)
    if options.out is not None:
        write_json(options.out, report, indent=2)
    print(json.dumps(report, indent=2))
