"""Probes: how an audit looks for what should have been forgotten, one file each, found by name.

A probe is a module of ``lethe.analysis.audit.probes`` with literal constants and a function:

    TITLE = "Sampled answers"       its heading
    MEASURES = "leak@k"             what its number is, in words; higher where a model knows more
    EXAMPLE = "the sample that …"   what an example shows of a model
    SETTINGS = {"samples": {"default": 8, "least": 1}}      (``lethe.common.declared_settings``)

    measure(subject, settings) -> Measured       the numbers of one checkpoint, by question
    check(settings)                              optional: LetheError for settings that do not fit
    check_rows(rows, settings)                   the same for the rows that it would put, by set
    check_sources(checkpoint, full, oracle)      the same for the checkpoints

``items``, the most questions that are put, is a setting of every probe. Where that differs
from the defaults (in brackets), a probe also declares

    BUDGETS = {"minutes": {"items": 60}, "hour": {…}, "all": {…}}   what each budget means for it
                                    (120 questions, 400, all)
    SUITES, METRICS, ATTACKS = ("sampled",), ("leak",), ()      what it runs (none)
    READS = ("forget", "holdout")   sets of rows without which it cannot be run (forget)
    ORACLE = True                   whether it cannot be run without an oracle (no)
    FULL = True                     whether it cannot be run without the full model (no)
    SPOKEN = True                   whether it reads what a model says, which refusing hides (no)

Constants are read without importing the module; a module with ``check`` must import nothing heavy,
since the workflow calls it before any job. A new probe is one file: the command, the workflow and
the page find it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lethe.common import declared_settings
from lethe.common.errors import LetheError
from lethe.common.registry import Registry, suggest

BUDGETS = ("minutes", "hour", "all")
ITEMS = {"default": 60, "least": 1}
# What budgets mean for a probe that does not declare them: the number of questions.
BY_ITEMS = {"minutes": {"items": 120}, "hour": {"items": 400}, "all": {"items": 1000000}}
# Sets of rows that probes may read, each with the files that it may come from: the first that
# exists. The worlds of the workflow have the first ones.
FILES = {
    "forget": ("forget_perturbed", "forget"),
    "retain": ("retain_perturbed", "retain"),
    "holdout": ("holdout",),
}
SETS = tuple(FILES)


@dataclass(frozen=True)
class Contract:
    """What a probe declares."""

    title: str
    measures: str
    example: str
    budgets: dict[str, dict[str, Any]] = field(default_factory=lambda: BY_ITEMS)
    settings: dict[str, Any] = field(default_factory=dict)
    suites: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    reads: tuple[str, ...] = ("forget",)
    oracle: bool = False
    full: bool = False
    spoken: bool = False

    def __post_init__(self):
        object.__setattr__(self, "settings", {"items": ITEMS, **self.settings})
        if tuple(self.budgets) != BUDGETS:
            raise LetheError(f"BUDGETS: {', '.join(self.budgets)}; give {', '.join(BUDGETS)}")
        for name in self.reads:
            if name not in SETS:
                raise LetheError(f"READS: unknown set {name!r}{suggest(name, SETS)}")
        for name, values in self.budgets.items():
            declared_settings.filled(f"BUDGETS: {name}", self.settings, values)


PROBES = Registry("lethe.analysis.audit.probes", "probe", Contract)
names, load, contract = PROBES.names, PROBES.load, PROBES.contract


def settings_of(name: str, budget: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A probe's settings at a budget, where those ``given`` take precedence.

    LetheError for a setting that is unknown or not allowed, or that the probe refuses.
    """
    declared = contract(name)
    own = {**declared.budgets[checked_budget(budget)], **given}
    settings = declared_settings.filled(f"probe '{name}'", declared.settings, own)
    if "check" in PROBES.functions(name):
        load(name).check(settings)
    return settings


def checked_budget(budget: str) -> str:
    """The budget; LetheError for an unknown one."""
    if budget not in BUDGETS:
        raise LetheError(f"budget: unknown {budget!r}{suggest(budget, BUDGETS)}")
    return budget
