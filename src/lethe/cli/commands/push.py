"""``lethe push``: a checkpoint, a world or a run's records to the hub, private by default."""

import argparse

from lethe.cli.arguments import place


def add(commands) -> None:
    push = commands.add_parser(
        "push", help="send a checkpoint, a world or a run's records to the hub, private by default"
    )
    push.add_argument("folder", type=place, help="a checkpoint, results/WORLD/data, or a run")
    push.add_argument("repository", type=place, help="USER/NAME on the hub")
    push.add_argument("--public", action="store_true", help="for everyone to read")
    push.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Send it, print where it is."""
    from lethe.pipeline.push import push

    print(push(options.folder, options.repository, options.public))
