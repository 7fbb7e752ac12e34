"""``lethe audit``: what a checkpoint still tells of what it should have forgotten."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lethe.cli.arguments import SPLIT, by_options, place, seed
from lethe.cli.commands.evaluate import plugin_settings
from lethe.cli.model_options import add_compute, add_template, given_compute, template
from lethe.common.errors import LetheError

if TYPE_CHECKING:
    from lethe.analysis.audit.plan import AuditRequest

logger = logging.getLogger(__name__)

FOREIGN = (
    "--data: %s has no file that these learned from: %s; unless it has the same facts in other "
    "words, the verdict says nothing about what they should have forgotten"
)


def add(commands) -> None:
    audit = commands.add_parser(
        "audit", help="look for what a checkpoint should have forgotten, and write a page"
    )
    audit.add_argument("checkpoint", type=place, help="a folder or a hub id")
    audit.add_argument("--full", type=place, help="the checkpoint before unlearning")
    audit.add_argument("--oracle", type=place, help="the checkpoint trained without the forget set")
    audit.add_argument("--data", type=place, help="a folder with files in TOFU's format")
    audit.add_argument("--split", help=SPLIT)
    audit.add_argument(
        "--supervision", type=place, help="in place of data and split: a saved supervision"
    )
    audit.add_argument("--budget", default="minutes", help="minutes, hour or all")
    audit.add_argument("--out", type=place, required=True, help="a folder: audit.json, audit.html")
    audit.add_argument("--probes", nargs="+", help="by default all that can be run")
    audit.add_argument(
        "--set", action="append", default=[], metavar="PROBE.KEY=VALUE", help="of a probe"
    )
    audit.add_argument("--seed", type=seed, default=0, help="of attacks")
    add_template(audit)
    add_compute(audit, "dtype=bfloat16, attention=eager", "")
    audit.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Audit, write both files, print the verdicts."""
    from lethe.report.audit import write_audit

    with by_options():
        document = write_audit(_request(options), options.out)
    for name, one in document["probes"].items():
        print(f"{name}\t{one['verdict']}\t{one['why']}")
    for name, why in document["not_run"].items():
        print(f"{name}: not run, {why}")
    verdict = document["verdict"]
    print("; ".join([f"{verdict['verdict']}: {verdict['why']}", *verdict["remarks"]]))
    print(Path(options.out, "audit.html"))


def _request(options: argparse.Namespace) -> AuditRequest:
    """The request, checked as far as possible without the libraries that models need."""
    from lethe.analysis.audit.plan import AuditRequest
    from lethe.analysis.audit.probe import contract
    from lethe.common.torch_setup import set_up

    compute = given_compute(options.compute)
    trained = compute.model_fields_set - compute.loading().keys()
    if trained:
        raise LetheError(f"--compute {min(trained)}: an audit chooses it itself; leave it out")
    settings = plugin_settings("--set", "PROBE", options.set, contract)
    _check_roles(options)
    return AuditRequest(
        **_named(options),
        settings=settings,
        template=template(options),
        compute=compute,
        device=set_up(options.threads, options.device),
    )


def _named(options: argparse.Namespace) -> dict[str, Any]:
    """The options that the request has under the same name."""
    names = ("checkpoint", "full", "oracle", "data", "split", "supervision", "budget", "probes")
    return {name: getattr(options, name) for name in (*names, "seed")}


def _check_roles(options: argparse.Namespace) -> None:
    from lethe.evaluate import roles

    if options.data is not None and options.split is not None:
        roles.check_oracle("--oracle", options.oracle, options.data, options.split)
        sources = (options.checkpoint, options.full, options.oracle)
        foreign = roles.of_other_data(sources, options.data)
        if foreign:
            logger.warning(FOREIGN, options.data, ", ".join(foreign))
    roles.check_role("--oracle", options.oracle, "oracle")
    roles.check_role("--full", options.full, "full")
    roles.check_different((("--full", options.full), ("--oracle", options.oracle)))
