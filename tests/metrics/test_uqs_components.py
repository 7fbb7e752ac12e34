"""The five metrics of UQS from records, and the logistic regression of its attack."""

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records
from lethe.metrics._logistic import cross_predicted, fitted, with_constant
from lethe.metrics.base import CheckpointValues, MetricFile


def made(unseen, seen, epoch=0) -> Records:
    """Records whose features are all ``unseen`` on forget and ``seen`` on retain, plus noise."""
    draw, sets = np.random.default_rng(0), {}
    for name, level in (("forget", unseen), ("retain", seen)):
        noise = draw.normal(0, 0.01, 20)
        sets[name] = ItemSet(
            question=[f"{name} {k}?" for k in range(20)],
            answer=["x"] * 20,
            state_distance=np.arange(20.0),
            divergence=np.full(20, 0.25),
            weight_distance=np.full(20, 1.5),
            confidence=np.clip(level + noise, 0, 1),
            entropy=1 - level + noise,
            margin=np.clip(level - noise, 0, 1),
        )
    return Records("oracle_distance", [Checkpoint(epoch, epoch, sets)], "run.json")


def rouge(forget, retain, epoch=0) -> MetricFile:
    values = {"forget": float(np.mean(forget)), "retain": float(np.mean(retain))}
    items = {"forget": forget, "retain": retain}
    return MetricFile("rouge", [CheckpointValues(epoch, epoch, values, items)], {}, "rouge.json")


def one(records, scores, **settings):
    needs = {"rouge": scores}
    return metrics.compute("uqs_components", records, needs, **settings).checkpoints[0].values


def test_values_by_hand():
    values = one(made(0.3, 0.9), rouge([0.5, 0.49, 1.0, 0.0], [0.2, 0.6]))
    assert values == {
        "forget_accuracy": 0.5,
        "retain_accuracy": 0.5,
        # Two clouds that lie far apart are told apart, whichever is the higher.
        "attack_success": 1.0,
        "state_distance": 9.5,
        "divergence": 0.25,
        "weight_distance": 1.5,
    }
    assert one(made(0.3, 0.9), rouge([0.5, 0.4], [0.2]), threshold=0.3)["forget_accuracy"] == 1


def test_what_cannot_be_told_apart_is_guessed():
    assert one(made(0.5, 0.5), rouge([1.0], [1.0]))["attack_success"] < 0.8


def test_other_checkpoints_are_one_line():
    with pytest.raises(LetheError, match=r"run.json: not the checkpoints of rouge.json; delete"):
        one(made(0.5, 0.5), rouge([1.0], [1.0], epoch=2))


def test_the_fit_is_the_minimum_of_its_loss():
    from scipy.optimize import minimize

    draw = np.random.default_rng(1)
    features = draw.normal(size=(60, 3))
    labels = (features @ [1.0, -2.0, 0.5] + draw.normal(size=60) > 0.3).astype(int)

    def loss(weights):
        signs = 2.0 * labels - 1
        fit = np.logaddexp(0, -signs * (with_constant(features) @ weights)).sum()
        return fit + (weights[:3] ** 2).sum() / 2

    wanted = minimize(loss, np.zeros(4), tol=1e-12).x
    assert fitted(features, labels) == pytest.approx(wanted, abs=1e-4)


def test_predictions_are_those_of_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    draw = np.random.default_rng(2)
    features, labels = draw.normal(size=(50, 3)), np.repeat([1, 0], 25)
    features[labels == 1] += 0.7
    scaled = (features - features.mean(0)) / features.std(0)
    wanted = cross_val_predict(LogisticRegression(max_iter=1000), scaled, labels, cv=5)
    assert cross_predicted(features, labels).tolist() == wanted.tolist()


def test_each_item_is_judged_without_its_fold():
    """Labels that follow no rule, but repeat: a fit on all would know every one of them."""
    features = np.eye(20)
    labels = np.repeat([1, 0], 10)
    assert (fitted(features, labels)[:20] > 0).tolist() == (labels == 1).tolist()
    said = cross_predicted(features, labels)
    assert (said == labels).mean() < 0.8
