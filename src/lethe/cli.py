"""The command line ``lethe``: the library's calls without Snakemake."""

import argparse
import json
import sys

from lethe.errors import LetheError


def main(arguments: list[str] | None = None) -> None:
    """Run a command; an error is one line and exit status 1."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LetheError as error:
        sys.exit(f"error: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lethe", description="A laboratory for unlearning.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    methods = commands.add_parser("methods", help="list the methods, their needs and defaults")
    methods.set_defaults(run=_methods)

    bring = commands.add_parser("bring", help="copy results and their provenance from a folder")
    bring.add_argument("folder", help="another working folder of Lethe's")
    bring.set_defaults(run=_bring)

    claims = commands.add_parser("claims", help="print the checks of a run; exit 1 if one fails")
    claims.add_argument("file", help="results/WORLD/tables/claims.json")
    claims.set_defaults(run=_claims)

    logs = commands.add_parser("tofu-logs", help="score an evaluation log of TOFU or its peer")
    logs.add_argument("file", help="eval_log_aggregated.json or TOFU_EVAL.json")
    logs.add_argument("--oracle", help="the log of the retain model: adds forget quality")
    logs.add_argument("--variant", choices=["geometric", "arithmetic"], default="geometric")
    logs.add_argument(
        "--unpaired", action="store_true", help="as the official script: do not pair items"
    )
    logs.set_defaults(run=_tofu_logs)
    return parser


def _methods(options: argparse.Namespace) -> None:
    from lethe import methods

    for name in methods.available():
        cls = methods.load(name)
        defaults = {k: f.default for k, f in cls.Settings.model_fields.items()}
        listed = ", ".join(f"{key}={value}" for key, value in defaults.items())
        needs = ", ".join(cls.needs) or "nothing beside the forget set"
        print(f"{name} ({cls.kind}; {cls.paper})\n  needs: {needs}\n  defaults: {listed}")


def _bring(options: argparse.Namespace) -> None:
    from lethe.lineage import bring

    print(f"{bring(options.folder)} results brought, with their provenance")


def _claims(options: argparse.Namespace) -> None:
    from lethe.files import read_json

    rows = read_json(options.file)
    for row in rows:
        verdict = "holds" if row["holds"] else "FAILS"
        print(
            f"{verdict}  {row['model']}/{row['split']} seed {row['seed']}: {row['claim']} "
            f"{row['value']:.3g} (must be {row['relation']} {row['bound']:g})"
        )
    failed = sum(not row["holds"] for row in rows)
    print(f"{len(rows) - failed} of {len(rows)} claims hold")
    if failed:
        raise LetheError(f"{options.file}: {failed} of the claims fail")


def _tofu_logs(options: argparse.Namespace) -> None:
    from lethe.logs.report import tofu_logs

    found = tofu_logs(options.file, options.oracle, options.variant, options.unpaired)
    print(json.dumps(found, indent=2))
