"""What an audit will do: its request, checked, and the probes that can be run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lethe.analysis.audit import probe as probes
from lethe.analysis.audit.data import AuditRows, read_data, read_saved_supervision
from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.evaluate.chat_templates import check_template
from lethe.model.encoder import template_settings
from lethe.model.settings import Compute

# The probe whose settings also say how answers are read for a model's conduct.
CONDUCT = "abstention"


@dataclass(frozen=True)
class AuditRequest:
    """What to audit, and how.

    ``checkpoint``, ``full``, ``oracle``: folders or hub ids. ``data`` and ``split``, or instead
    ``supervision``, the folder of a saved one. ``probes``: names, or None for all that can be run;
    ``settings``: by probe, those that differ from the budget's. ``seed``: of attacks.
    """

    checkpoint: str
    data: str | None = None
    split: str | None = None
    full: str | None = None
    oracle: str | None = None
    supervision: str | None = None
    budget: str = "minutes"
    probes: Sequence[str] | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    template: str | Mapping[str, Any] = "chat"
    compute: Compute = field(default_factory=Compute)
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """The settings of each probe that is run, those for reading conduct, and why others are not."""

    settings: dict[str, dict[str, Any]]
    conduct: dict[str, Any]
    not_run: dict[str, str]


def read_rows(request: AuditRequest) -> AuditRows:
    """The rows that a request names; LetheError unless it names exactly one source."""
    given = (request.data, request.split)
    if request.supervision is not None:
        if any(given):
            raise LetheError("supervision: data and a split were given too; name one of the two")
        return read_saved_supervision(request.supervision)
    if not all(given):
        raise LetheError("data: give a folder of data and a split, or a saved supervision")
    return read_data(*given)


def plan(request: AuditRequest, rows: AuditRows) -> Plan:
    """The probes to run.

    LetheError for an unknown probe, budget or setting, for a requested probe that cannot be run,
    and if there is none to run.
    """
    template_settings(request.template)
    for name in (*request.settings, *(request.probes or ())):
        probes.PROBES.check(name, "probes")
    settings = {
        name: probes.settings_of(name, request.budget, request.settings.get(name, {}))
        for name in request.probes or probes.names()
    }
    obstacles = {name: _obstacle(name, request, rows, chosen) for name, chosen in settings.items()}
    not_run = {name: why for name, why in obstacles.items() if why is not None}
    if not_run and (request.probes or len(not_run) == len(settings)):
        name, why = next(iter(not_run.items()))
        raise LetheError(f"probe '{name}': {why}")
    own = {name: chosen for name, chosen in settings.items() if name not in not_run}
    given = request.settings.get(CONDUCT, {})
    return Plan(own, probes.settings_of(CONDUCT, request.budget, given), not_run)


def _obstacle(
    name: str, request: AuditRequest, rows: AuditRows, settings: Mapping[str, Any]
) -> str | None:
    """Why a probe cannot be run here; None if it can."""
    contract = probes.contract(name)
    lacking = [part for part in contract.reads if not rows.rows.get(part)]
    if lacking:
        return f"the data have no rows of {lacking[0]}"
    if contract.oracle and request.oracle is None:
        return "it needs an oracle; name one"
    if contract.full and request.full is None:
        return "it needs the model before unlearning; name it as full"
    sources = request.checkpoint, request.full, request.oracle
    try:
        for suite in contract.suites:
            check_template(suite, template_settings(request.template).name)
            suites.check_families(suite, filter(None, sources))
            # A probe's settings for its suite have the suite's own names.
            own = {key: settings[key] for key in suites.contract(suite).settings if key in settings}
            suites.check(suite, {part: rows.rows[part] for part in contract.reads}, own)
        functions = probes.PROBES.functions(name)
        if "check_rows" in functions:
            put = {part: rows.of(part, settings["items"]) for part in contract.reads}
            probes.load(name).check_rows(put, settings)
        if "check_sources" in functions:
            probes.load(name).check_sources(*sources)
    except LetheError as error:
        return str(error)
    return None
