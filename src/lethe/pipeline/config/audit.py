"""``audit``: whether every run is audited, and at what budget."""

from typing import Any, Literal

from lethe.pipeline.config.keys import Name, Names, Section, key

AGAIN = "`audit_answers` of every run; `audit`, `page`"


class Audit(Section):
    """The audit of every run's last checkpoint."""

    budget: Literal["minutes", "hour", "all"] | None = key(
        None,
        "how much each probe asks in the audit of every method's last checkpoint and of further "
        "oracles; null: no audit",
        AGAIN,
    )
    probes: Names | None = key(
        None, "the probes of an audit; null: all that can be run", AGAIN, "a list of probes; null"
    )
    settings: dict[Name, dict[str, Any]] = key(
        {},
        "by name, settings of a probe X that differ from those of the budget",
        AGAIN,
        "a mapping, as `leak: {samples: 64}`",
    )
