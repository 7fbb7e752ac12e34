"""The suite ``oracle_distance`` against transformers and scipy, one question at a time."""

import copy

import numpy as np
import pytest
import torch
from helpers.small_models import PAIRS, plain
from scipy.spatial.distance import jensenshannon

from lethe.common.errors import LetheError
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits, Reference
from lethe.evaluate.suites.oracle_distance import weight_distance

ROWS = [{"question": question, "answer": answer} for question, answer in PAIRS]
SETS = {"forget": ROWS, "retain": ROWS[:2]}


def moved(model):
    other, draw = copy.deepcopy(model), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=draw))
    return other


def asked(model, oracle, encoder, budget=None):
    reference = Reference(oracle, encoder)
    return Evaluation(
        "oracle_distance", encoder, SETS, Limits(96, None, budget), None, None, reference
    )(model)


@pytest.mark.parametrize("budget", [1, 60, None])
def test_columns_are_those_of_single_questions(model, encoder, budget):
    oracle = moved(model)
    items = asked(model, oracle, encoder, budget).sets["forget"]
    one, two = plain(model), plain(oracle)
    for k, row in enumerate(ROWS):
        ids = torch.tensor([encoder.prompt_ids(row["question"])])
        with torch.no_grad():
            own, theirs = (m(ids, output_hidden_states=True) for m in (one, two))
        # Of transformers' states the last but one are those after the last layer but one.
        states = own.hidden_states[-2][0, -1] - theirs.hidden_states[-2][0, -1]
        assert items.state_distance[k] == pytest.approx(states.norm().item(), rel=1e-4)
        p, q = (out.logits[0, -1].double().softmax(-1).numpy() for out in (own, theirs))
        assert items.divergence[k] == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-4)
        best = np.sort(p)[::-1]
        assert items.confidence[k] == pytest.approx(best[0], rel=1e-4)
        assert items.margin[k] == pytest.approx(best[0] - best[1], rel=1e-3, abs=1e-6)
        assert items.entropy[k] == pytest.approx(-(p * np.log(p)).sum(), rel=1e-4)


def test_the_distance_of_weights_by_hand(model):
    oracle, norms = moved(model), []
    theirs = dict(oracle.named_parameters())
    for name, weight in model.named_parameters():
        norms.append(np.linalg.norm((weight - theirs[name]).detach().numpy()))
    assert weight_distance(model, oracle) == pytest.approx(np.mean(norms), rel=1e-6)
    assert weight_distance(model, copy.deepcopy(model)) == 0


def test_an_oracle_is_at_no_distance_to_itself(model, encoder, tmp_path):
    point = asked(model, model, encoder)
    for items in point.sets.values():
        for name in ("state_distance", "divergence", "weight_distance"):
            assert set(getattr(items, name).tolist()) == {0.0}
    write_records(tmp_path / "own.json", Records("oracle_distance", [point]))
    assert len(read_records(tmp_path / "own.json").checkpoints[0].sets["retain"]) == 2


def test_an_oracle_with_other_weights_is_one_line(model):
    other = copy.deepcopy(model)
    other.lm_head = torch.nn.Linear(32, 5, bias=False)
    with pytest.raises(LetheError, match=r"oracle: its weights do not match lm_head.weight; name"):
        weight_distance(model, other)
