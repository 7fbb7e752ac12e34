"""``lethe certify``: tie an audit's verdict to the files that were audited."""

import argparse
from pathlib import Path

from lethe.cli.arguments import by_options, place
from lethe.common.characters import shown
from lethe.common.errors import LetheError


def add(commands) -> None:
    certify = commands.add_parser(
        "certify", help="write a certificate of an audited checkpoint, signed if you have a key"
    )
    certify.add_argument("checkpoint", type=place, help="the folder that was audited")
    certify.add_argument(
        "--audit", type=place, required=True, help="the folder that `lethe audit` wrote"
    )
    certify.add_argument("--out", type=place, required=True, help="a new folder")
    certify.add_argument("--key", type=place, help="a private key of yours, for ssh-keygen")
    certify.add_argument("--signer", help="with --key: the name under which you are trusted")
    certify.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the certificate, print its verdict and what it does and does not show."""
    from lethe.pipeline.certificate_files import write_certificate
    from lethe.pipeline.certificate_format import PAGE

    if (options.key is None) != (options.signer is None):
        raise LetheError("--key and --signer belong together; give both, or neither")
    with by_options():
        made = write_certificate(
            options.checkpoint, options.audit, options.out, options.key, options.signer
        )
    print(shown(f"{made['audit']['verdict']['verdict']}: {made['audit']['verdict']['why']}"))
    print(made["signature"])
    print(Path(options.out, PAGE))
