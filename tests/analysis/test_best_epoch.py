"""The best epoch of a course, early stopping on it, and the course against hand computation."""

import numpy as np
import pytest
from scipy.stats import hmean, ks_2samp

from lethe.analysis.best_epoch import Course, chosen_epoch, course
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, write_metric


def of(*validation):
    epochs = tuple(range(1, len(validation) + 1))
    return Course(epochs, validation, tuple(1 - value for value in validation))


def test_the_best_is_the_first_of_the_highest():
    assert of(0.1, 0.5, 0.5, 0.2).best() == 1
    assert of(0.3).best() == 0
    assert of(0.1, 0.5, 0.9).best(2) == 1


@pytest.mark.parametrize(
    ("validation", "patience", "stop", "best"),
    [
        # It rises throughout: nothing is saved.
        ((0.1, 0.2, 0.3), 1, 2, 2),
        # A dip ends it, though a better epoch would have come.
        ((0.2, 0.1, 0.9), 1, 1, 0),
        ((0.2, 0.1, 0.9), 2, 2, 2),
        # As good is not better.
        ((0.2, 0.2, 0.2, 0.2), 2, 2, 0),
        ((0.5, 0.4, 0.6, 0.3, 0.2, 0.1), 2, 4, 2),
        ((0.4,), 1, 0, 0),
    ],
)
def test_early_stopping(validation, patience, stop, best):
    found = of(*validation)
    assert found.stop(patience) == stop
    assert found.best(stop + 1) == best


QUESTIONS = [f"Question {n}?" for n in range(20)]


def ratios(items, epochs=(1,), questions=QUESTIONS):
    points = [
        CheckpointValues(
            epoch,
            2 * epoch,
            {"forget": 0.5},
            {"forget": [float(ratio) for ratio in own]},
            {"forget": questions},
        )
        for epoch, own in zip(epochs, items, strict=True)
    ]
    return MetricFile("truth_ratio", points)


def utilities(values, epochs=(1,)):
    points = [
        CheckpointValues(epoch, 2 * epoch, {"model_utility": value})
        for epoch, value in zip(epochs, values, strict=True)
    ]
    return MetricFile("model_utility", points)


ORACLE = np.random.default_rng(0).lognormal(size=20)
# The first epoch is near the oracle on the validation half, the second on the other.
ITEMS = [
    np.concatenate([ORACLE[:10] * 1.01, ORACLE[10:] * 9]),
    np.concatenate([ORACLE[:10] * 9, ORACLE[10:] * 1.01]),
]
FILES = (
    ratios(ITEMS, (1, 2)),
    utilities([0.3, 0.6], (1, 2)),
    ratios([ORACLE], (0,)),
    utilities([0.6], (0,)),
)


def test_a_course_by_hand():
    found = course(*FILES, "closeness_and_utility")
    for half, part in (("validation", slice(0, 10)), ("test", slice(10, 20))):
        close = [1 - ks_2samp(items[part], ORACLE[part]).statistic for items in ITEMS]
        expected = [hmean([close[0], 0.5]), hmean([close[1], 1.0])]
        assert getattr(found, half) == pytest.approx(expected)
        assert getattr(course(*FILES, "closeness"), half) == pytest.approx(close)
    assert found.epochs == (1, 2)


def test_the_criterion_chooses_from_the_validation_half_alone(tmp_path):
    paths = [tmp_path / f"{number}.json" for number in range(4)]
    for path, file in zip(paths, FILES, strict=True):
        write_metric(path, file)
    assert chosen_epoch(*paths, "closeness") == 1
    # The test half prefers the other.
    assert course(*FILES, "closeness").test.index(max(course(*FILES, "closeness").test)) == 1
    # The last epoch lost nothing of utility, but too much closeness.
    assert chosen_epoch(*paths, "closeness_and_utility") == 1


def test_what_cannot_be_chosen_from_is_one_line():
    run, utility, oracle, full = FILES
    with pytest.raises(LetheError, match="other forget items"):
        course(run, utility, ratios([ORACLE], (0,), ["other"] * 20), full, "closeness")
    with pytest.raises(LetheError, match="not the checkpoints of"):
        course(run, utilities([0.3], (1,)), oracle, full, "closeness")
    single = ratios([ORACLE[:1]], (1,), QUESTIONS[:1])
    with pytest.raises(LetheError, match="1 forget item cannot be halved"):
        course(single, utilities([0.3]), single, full, "closeness")
