"""Options of the commands that use a model: its template, precision, attention and device."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lethe.cli.arguments import Parser, device, seed, threads, whole
from lethe.common.errors import LetheError

if TYPE_CHECKING:
    from lethe.model.settings import Compute


def add_template(parser: Parser) -> None:
    parser.add_argument("--template", help="chat, llama3, llama2, phi, phi_prompted or plain")
    parser.add_argument("--system", help="the system message of a chat template; '' for none")
    parser.add_argument(
        "--variable",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another variable of a chat template: 'date_string=10 Apr 2025'",
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


def add_training(parser: Parser) -> None:
    """The options of commands that train: template, length, seed, and how models compute."""
    add_template(parser)
    parser.add_argument("--max-length", type=whole(1), default=500, help="tokens of a sequence")
    parser.add_argument("--seed", type=seed, default=0)
    examples = "dtype=bfloat16, gradient_checkpointing=true, lora.rank=8"
    add_compute(parser, examples, "; results depend on it a little")


def template(options: argparse.Namespace, checkpoint: str | None = None) -> dict[str, Any]:
    """A checkpoint's own template, changed by the options; checked without a model.

    ``checkpoint``: by default the one among the options.
    """
    from lethe.model.checkpoint import template_of
    from lethe.model.encoder import CHATS, template_settings

    settings = template_of(checkpoint or options.checkpoint)
    if options.template is not None:
        # Another chat template still needs the variables (a date); other templates have none.
        own = settings if options.template in CHATS else {}
        settings = {**own, "name": options.template}
    if options.system is not None:
        settings = {**settings, "system": options.system or None}
    if options.variable:
        settings = {
            **settings,
            "variables": {**settings.get("variables", {}), **_variables(options)},
        }
    template_settings(settings)
    return settings


def _variables(options: argparse.Namespace) -> dict[str, Any]:
    given = given_settings(options.variable, "--variable")
    for key, value in given.items():
        if not isinstance(value, str | int | float | bool):
            raise LetheError(f"--variable {key}: a text, a number, true or false is expected")
    return given


def given_settings(texts: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Settings from ``key=value``; a dotted key (``optimiser.name=sgd``) goes into a mapping."""
    from lethe.pipeline.config.load import parsed

    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise LetheError(f"{option} {text}: write it as key=value")
        *outer, last = key.split(".")
        place = settings
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise LetheError(
                    f"{option} {text}: {name} already has a value; give one of the two"
                )
        if last in place:
            raise LetheError(f"{option} {text}: {key} already has a value; give one of the two")
        try:
            place[last] = parsed(value)
        except LetheError as error:
            raise LetheError(f"{option} {text}: {error}") from None
    return settings


def given_compute(texts: Sequence[str]) -> Compute:
    """How a model computes, from ``--compute key=value``; the keys are those of model_settings."""
    from lethe.common.validation import validated
    from lethe.model.settings import Compute

    return validated(Compute, given_settings(texts, "--compute"), "--compute")
