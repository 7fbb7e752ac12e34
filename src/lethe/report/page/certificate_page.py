"""The page of a certificate: it has no scripts, and nothing else is loaded."""

from collections.abc import Iterator, Mapping
from typing import Any

from lethe.report.page.audit_page import POLICY
from lethe.report.page.data import settings_words
from lethe.report.page.templates import environment


def certificate_html(made: Mapping[str, Any]) -> str:
    """The page of ``lethe.pipeline.certificate.certificate`` as text."""
    template = environment().get_template("certificate_page.jinja")
    return template.render(
        policy=POLICY, made=made, tested=list(_tested(made)), about=list(_about(made))
    )


def _tested(made: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, one in made["audit"]["tested"].items():
        numbers = [one["values"].get(role) for role in ("checkpoint", "oracle")]
        cells = [*numbers, one["smallest_leak"]]
        shown = ["" if number is None else f"{number:.3f}" for number in cells]
        yield [name.replace("_", " "), one["verdict"], str(one["questions"]), *shown]


def _about(made: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every digest that the certificate holds, and the origin and code."""
    origin = made["checkpoint"]["origin"]
    yield "code", settings_words(made["code"])
    if origin:
        yield "origin of the checkpoint", settings_words(origin)
    yield "audit.json", made["audit"]["sha256"]
    for role, files in {"checkpoint": made["checkpoint"]["files"], **made["parents"]}.items():
        for name, digest in files.items():
            yield f"{role.replace('_', ' ')}: {name}", digest
    for name, digest in made["data"].items():
        yield f"rows of {name}", digest
