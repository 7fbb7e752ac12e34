"""Interventions on requests one after another: what later gates do not pass keeps every bit."""

import copy

import numpy as np
import pytest

from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits
from lethe.model import prompt_similarity
from lethe.model.encoder import Encoder
from lethe.model.intervention import carried_by
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise

REQUESTS = {1: [0, 3], 2: [5, 6]}
RETAIN = [1, 2, 4]


@pytest.fixture
def encoder(tokenizer):
    """Of its own: an intervention is named to the tokenizer."""
    return Encoder(copy.deepcopy(tokenizer), "chat", 96)


def answer(model, encoder, pairs, request, **settings):
    """GUARD-IT on one request, from wherever the model is; returns its intervention."""
    method = methods.load("guard_it")({"layer": 0, "clusters": 1, **settings})
    forget, retain = ([pairs[row] for row in rows] for rows in (REQUESTS[request], RETAIN))
    list(method.run(model, supervise(encoder, method.needs, forget, retain=retain), 0))
    return carried_by(model)[-1]


def losses(model, encoder, pairs, upto):
    rows = [
        {"question": pairs[row][0], "answer": pairs[row][1], "request": request}
        for request, some in REQUESTS.items()
        if request <= upto
        for row in some
    ]
    evaluation = Evaluation("requests", encoder, {"asked": rows}, Limits(96))
    return evaluation(model).sets["asked"].answer_loss


def passed(intervention, encoder, pairs, request):
    """Whether a gate passes each question of a request."""
    prompts = [encoder.prompt_ids(pairs[row][0]) for row in REQUESTS[request]]
    counted = prompt_similarity.count(prompts, len(intervention.data["idf"]))
    return np.array(intervention.gate(counted).tolist()) >= 0


def test_no_rebound_where_later_gates_pass_no_earlier_question(model, encoder, pairs):
    before = losses(model, encoder, pairs, 2)
    first = answer(model, encoder, pairs, 1)
    assert passed(first, encoder, pairs, 1).all()
    after_first = losses(model, encoder, pairs, 1)
    assert not np.array_equal(after_first, before[:2])
    second = answer(model, encoder, pairs, 2)
    assert len(carried_by(model)) == 2
    # The gate is calibrated on its own questions and those retained, not on earlier requests.
    assert not passed(second, encoder, pairs, 1).any()
    assert passed(second, encoder, pairs, 2).any()
    after_second = losses(model, encoder, pairs, 2)
    assert np.array_equal(after_second[:2], after_first)
    assert not np.array_equal(after_second[2:], before[2:])


def test_a_later_gate_that_passes_them_moves_them(model, encoder, pairs):
    answer(model, encoder, pairs, 1)
    after_first = losses(model, encoder, pairs, 1)
    wide = answer(model, encoder, pairs, 2, threshold=0.0)
    assert passed(wide, encoder, pairs, 1).all()
    assert not np.array_equal(losses(model, encoder, pairs, 2)[:2], after_first)
