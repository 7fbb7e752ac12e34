"""``lethe verify``: whether a certificate is of these files, and its verdict follows."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lethe.cli.arguments import SPLIT, by_options, place
from lethe.common.characters import shown
from lethe.common.errors import LetheError

if TYPE_CHECKING:
    from lethe.pipeline.certificate import Check

WORDS = {True: "holds", False: "fails", None: "not looked at"}


def add(commands) -> None:
    verify = commands.add_parser(
        "verify", help="check a certificate against files; exit 1 if anything fails"
    )
    verify.add_argument("certificate", type=place, help="the folder that `lethe certify` wrote")
    verify.add_argument("--checkpoint", type=place, required=True, help="the checkpoint's folder")
    verify.add_argument("--full", type=place, help="the checkpoint before unlearning")
    verify.add_argument(
        "--oracle", type=place, help="the checkpoint trained without the forget set"
    )
    verify.add_argument("--data", type=place, help="a folder with files in TOFU's format")
    verify.add_argument("--split", help=SPLIT)
    verify.add_argument("--supervision", type=place, help="in place of data and split")
    verify.add_argument(
        "--allowed-signers", type=place, help="whom you trust: a file as in ssh-keygen(1)"
    )
    verify.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print each check; LetheError if one fails."""
    from lethe.pipeline.certificate import verify
    from lethe.pipeline.certificate_format import SCOPE, read_certificate

    with by_options():
        made = read_certificate(options.certificate)
        parents = {"full": options.full, "oracle": options.oracle}
        parents = {role: folder for role, folder in parents.items() if folder is not None}
        checks = verify(options.certificate, options.checkpoint, parents, _data(options))
        checks += _signature(options, made["signer"])
    for one in checks:
        print("\t".join(map(shown, filter(None, (one.what, WORDS[one.holds], one.why)))))
    print(SCOPE)
    failing = [one.what for one in checks if one.holds is False]
    if failing:
        raise LetheError(f"{options.certificate}: {failing[0]} fails; do not rely on it")


def _data(options: argparse.Namespace) -> dict[str, Path]:
    """The files of rows, by set, as an audit reads them."""
    from lethe.analysis.audit.data import read_data, read_saved_supervision

    if options.supervision is not None:
        if options.data is not None or options.split is not None:
            raise LetheError("--supervision is in place of --data and --split; leave these out")
        return read_saved_supervision(options.supervision).files
    if (options.data is None) != (options.split is None):
        raise LetheError("--data and --split belong together; give both, or neither")
    return {} if options.data is None else read_data(options.data, options.split).files


def _signature(options: argparse.Namespace, signer: str | None) -> "Iterator[Check]":
    from lethe.pipeline import signature
    from lethe.pipeline.certificate import Check
    from lethe.pipeline.certificate_format import FILE, UNSIGNED

    if signer is None:
        signed = Path(options.certificate, f"{FILE}{signature.SUFFIX}").exists()
        why = f"{UNSIGNED}{'; the file beside it is not its signature' if signed else ''}"
        yield Check("signature", False if options.allowed_signers else None, why)
        return
    if options.allowed_signers is None:
        yield Check("signature", None, f"by {signer}; name --allowed-signers")
        return
    why = signature.verified(Path(options.certificate, FILE), options.allowed_signers, signer)
    yield Check(f"signature by {signer}", why is None, why or "")
