"""Options of the commands that work with a model: its template, how and where it computes."""

import argparse
from typing import Any

from lethe.cli.arguments import Parser, device, threads
from lethe.common.errors import LetheError


def add_template(parser: Parser) -> None:
    parser.add_argument("--template", help="chat, llama3, llama2, phi, phi_prompted or plain")
    parser.add_argument("--system", help="the system message of a chat template; '' for none")
    parser.add_argument(
        "--variable",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what a chat template reads otherwise: 'date_string=10 Apr 2025'",
    )


def add_compute(parser: Parser, examples: str, results: str) -> None:
    parser.add_argument("--threads", type=threads, default=1, help=f"of torch{results}")
    parser.add_argument(
        "--device", type=device, default="cpu", help="cpu, cuda, cuda:1, mps, auto: a GPU if any"
    )
    parser.add_argument(
        "--compute",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"how models compute, as the workflow's model_settings have it: {examples}",
    )


def template(options: argparse.Namespace) -> dict[str, Any]:
    """The checkpoint's own template, or what the options say of it; checked without a model."""
    from lethe.model.checkpoint import template_of
    from lethe.model.encoder import CHATS, template_settings

    found = template_of(options.checkpoint)
    if options.template is not None:
        # What a chat template reads otherwise (a date) is still needed; other templates read none.
        kept = found if options.template in CHATS else {}
        found = {**kept, "name": options.template}
    if options.system is not None:
        found = {**found, "system": options.system or None}
    if options.variable:
        found = {**found, "variables": {**found.get("variables", {}), **_variables(options)}}
    template_settings(found)
    return found


def _variables(options: argparse.Namespace) -> dict[str, Any]:
    from lethe.cli.unlearn import given_settings

    given = given_settings(options.variable, "--variable")
    for key, value in given.items():
        if not isinstance(value, str | int | float | bool):
            raise LetheError(f"--variable {key}: a text, a number, true or false is wanted")
    return given
