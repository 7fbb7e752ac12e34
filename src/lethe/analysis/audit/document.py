"""An audit as plain values: the file ``audit.json``, from which the page is also made."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from lethe.analysis.audit import probe as probes
from lethe.analysis.audit.answers import Answers
from lethe.analysis.audit.conduct import Conduct
from lethe.analysis.audit.judged import Audit, judged
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.verdict import POWER, plain
from lethe.common.errors import LetheError

FORMAT = 2
# Examples of a probe: the questions at which the checkpoint exceeds what it is compared with most.
EXAMPLES = 8
ROLES = ("checkpoint", "full", "oracle")


def document(audit: Audit, about: Mapping[str, Any]) -> dict[str, Any]:
    """All of an audit; ``about``: what was audited, such as the checkpoints' names."""
    answers = dict(zip(ROLES, (audit.own, audit.full, audit.oracle), strict=True))
    known = {role: one for role, one in answers.items() if one is not None}
    return {
        "format": FORMAT,
        "about": dict(about),
        "verdict": asdict(audit.verdict),
        "refuses": audit.hidden.refuses,
        "collapsed": audit.hidden.collapsed,
        "conduct": {role: one.conduct.shares() for role, one in known.items()},
        "conduct_by_question": {role: asdict(one.conduct) for role, one in known.items()},
        "files": {role: one.files for role, one in known.items()},
        "data": audit.own.data,
        "level": audit.level,
        "power": POWER,
        "probes": {name: _probe(name, audit, known) for name in audit.judgements},
        "not_run": audit.own.not_run,
    }


def _probe(name: str, audit: Audit, known: Mapping[str, Answers]) -> dict[str, Any]:
    contract, judgement = probes.contract(name), audit.judgements[name]
    measured = {role: one.measured[name] for role, one in known.items()}
    own = measured["checkpoint"]
    return {
        "title": contract.title,
        "measures": contract.measures,
        "shows": contract.example,
        "settings": audit.own.settings[name],
        "verdict": judgement.verdict,
        "why": judgement.why,
        "blind": judgement.blind,
        "questions": len(own.questions),
        "values": {role: one.mean for role, one in measured.items()},
        "beyond": plain(judgement.beyond),
        "full_beyond_oracle": plain(judgement.sight),
        "smallest_leak": judgement.smallest_leak,
        "examples": _examples(measured),
        "items": {
            "question": list(own.questions),
            **{role: list(one.values) for role, one in measured.items()},
        },
        "chance": list(own.chance),
        "paired": own.paired,
    }


def _examples(measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The questions at which the checkpoint most exceeds the oracle, or others without one."""
    own, oracle = measured["checkpoint"], measured.get("oracle")
    beyond = [value - (oracle.values[at] if oracle else 0.0) for at, value in enumerate(own.values)]
    # Among equal ones in any order: in that of the data all would be about the same author.
    mixed = [sha256(question.encode()).hexdigest() for question in own.questions]
    first = sorted(range(len(beyond)), key=lambda at: (-beyond[at], mixed[at]))[:EXAMPLES]
    return [
        {
            "question": own.questions[at],
            "answer": own.answers[at],
            **{role: {"said": m.said[at], "value": m.values[at]} for role, m in measured.items()},
        }
        for at in first
    ]


def judged_again(document: Mapping[str, Any]) -> Audit:
    """The audit that follows from a document's values by question.

    What models said is in the document for examples only, and decides nothing. LetheError if the
    values are incomplete.
    """
    try:
        answers = {role: _answers(role, document) for role in document["conduct_by_question"]}
        return judged(answers["checkpoint"], answers.get("full"), answers.get("oracle"))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise LetheError(f"audit: its values are incomplete ({error}); make it again") from None


def _answers(role: str, document: Mapping[str, Any]) -> Answers:
    measured, probed = {}, document["probes"]
    for name, one in probed.items():
        questions, values = one["items"]["question"], one["items"][role]
        chance = one["chance"] if role == "checkpoint" else []
        measured[name] = Measured(questions, questions, values, questions, chance, one["paired"])
    settings = {name: one["settings"] for name, one in probed.items()}
    conduct = Conduct(**document["conduct_by_question"][role])
    files = document["files"][role]
    return Answers(measured, settings, document["not_run"], conduct, files, document["data"])


def checked_document(value: Any, place: str) -> dict[str, Any]:
    """The value, if it is the document of an audit; else LetheError names its place."""
    if not (isinstance(value, dict) and value.get("format") == FORMAT and "probes" in value):
        raise LetheError(f"{place}: not an audit of format {FORMAT}; make it again")
    return value


def as_text(value: Mapping[str, Any]) -> str:
    """The document as JSON; equal documents give equal bytes."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
