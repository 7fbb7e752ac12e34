"""Shared by probes that attack a checkpoint first: how likely the true answers are then."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.subject import Subject

# The hidden size of a model for which probes state their learning rate.
WIDTH = 128


def training(subject: Subject, settings: Mapping[str, Any]) -> dict[str, Any]:
    """``steps``, ``batch_size`` and ``lr`` of an attack that trains.

    ``lr`` is stated for a width of ``WIDTH``: the rate falls with the width, as Adam's must (muP,
    arXiv 2203.03466).
    """
    model, _ = subject.loaded
    width = model.get_input_embeddings().weight.shape[1]
    chosen = {key: settings[key] for key in ("steps", "batch_size")}
    return {**chosen, "lr": min(1.0, settings["lr"] * WIDTH / width)}


def likelihoods(subject: Subject, attacked: Subject, settings: Mapping[str, Any]) -> Measured:
    """The per-token probability of each true answer under ``attacked``, and before the attack."""
    rows = {"forget": subject.rows("forget", settings["items"])}
    before, after = (probabilities(one, rows) for one in (subject, attacked))
    said = [f"{new:.3f}, before: {old:.3f}" for old, new in zip(before, after, strict=True)]
    questions, answers = ([row[key] for row in rows["forget"]] for key in ("question", "answer"))
    return Measured(questions, answers, after, said)


def probabilities(subject: Subject, rows: Mapping[str, list[dict]]) -> list[float]:
    """exp(-mean loss of a token) of each true answer."""
    items = subject.records("tokens", rows).sets["forget"]
    return np.exp(-items.answer_loss).tolist()
