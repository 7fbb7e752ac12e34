"""Shared by probes that attack a checkpoint first: how likely the true answers are then."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.subject import Subject


def likelihoods(subject: Subject, attacked: Subject, settings: Mapping[str, Any]) -> Measured:
    """The probability by token of each true answer under ``attacked``, and what it was before."""
    rows = {"forget": subject.rows("forget", settings["items"])}
    before, after = (probabilities(one, rows) for one in (subject, attacked))
    said = [f"{new:.3f}, before: {old:.3f}" for old, new in zip(before, after, strict=True)]
    questions, answers = ([row[key] for row in rows["forget"]] for key in ("question", "answer"))
    return Measured(questions, answers, after, said)


def probabilities(subject: Subject, rows: Mapping[str, list[dict]]) -> list[float]:
    """exp(-mean loss of a token) of each true answer."""
    items = subject.records("tokens", rows).sets["forget"]
    return np.exp(-items.answer_loss).tolist()
