"""Distances to both oracles, generalisation and memorisation, by hand."""

import math

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric

QUESTIONS = {"given_ratio": ["a", "b"], "rest_ratio": ["c", "d"]}


def file(given, rest=None, *, ratios=None, questions=None):
    """A file of the metric ``behaviour`` with these probabilities."""
    parts = {"given": given} | ({} if rest is None else {"rest": rest})
    items = {f"{name}_probability": some for name, some in parts.items()}
    values = {name: sum(some) / len(some) for name, some in items.items()}
    for number, name in enumerate(parts):
        items[f"{name}_ratio"] = (ratios or [[1.0, 2.0], [3.0, 4.0]])[number]
    asked = questions or {f"{name}_ratio": QUESTIONS[f"{name}_ratio"] for name in parts}
    return MetricFile("behaviour", [CheckpointValues(0, 0, values, items, asked)], {"variant": "g"})


FULL = file([0.9, 0.7], [0.8, 0.6])
# Never saw the share, but the rest; and none of both.
UNTRAINED = file([0.2, 0.2], [0.8, 0.6])
UNLEARNED = file([0.1, 0.1], [0.1, 0.3])


def values(run, full=FULL, untrained=UNTRAINED, unlearned=UNLEARNED):
    oracles = {"without_share": {"behaviour": untrained}, "without_all": {"behaviour": unlearned}}
    found = metrics.compute(
        "generalisation", None, {"behaviour": run}, None, {"behaviour": full}, oracles=oracles
    )
    return found.checkpoints[0].values


def js(p, q):
    def kl(a, b):
        return sum(x * math.log(x / y) for x, y in ((a, b), (1 - a, 1 - b)) if x)

    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def test_by_hand():
    run = file([0.5, 0.3], [0.6, 0.4], ratios=[[1.0, 1.5], [2.5, 9.0]])
    found = values(run)
    assert found["forgetting"] == pytest.approx((0.8 - 0.4) / (0.8 - 0.2))
    assert found["generalisation"] == pytest.approx((0.7 - 0.5) / (0.7 - 0.2))
    assert found["without_share_probability"] == pytest.approx((0.3 + 0.1 + 0.2 + 0.2) / 4)
    assert found["without_all_probability"] == pytest.approx((0.4 + 0.2 + 0.5 + 0.1) / 4)
    pairs = [(0.5, 0.1), (0.3, 0.1), (0.6, 0.1), (0.4, 0.3)]
    assert found["without_all_js"] == pytest.approx(sum(js(*pair) for pair in pairs) / 4)
    # Of the run's ratios 1, 1.5, 2.5, 9 and the oracle's 1, 2, 3, 4.
    assert found["without_all_ks"] == pytest.approx(0.25)
    assert found["memorisation_share"] == pytest.approx(0.8 - 0.2)
    assert found["memorisation_all"] == pytest.approx((0.8 + 0.6 + 0.7 + 0.3) / 4)


def test_doing_nothing_is_nearer_to_untraining():
    found = values(FULL)
    assert found["forgetting"] == found["generalisation"] == 0
    assert found["without_share_probability"] < found["without_all_probability"]


def test_the_oracles_are_at_no_distance_to_themselves():
    assert values(UNTRAINED)["forgetting"] == pytest.approx(1)
    assert values(UNTRAINED)["generalisation"] == 0
    for run, role in ((UNTRAINED, "without_share"), (UNLEARNED, "without_all")):
        found = values(run)
        assert [found[f"{role}_{name}"] for name in ("ks", "probability", "js")] == [0, 0, 0]


def test_with_the_whole_behaviour_given_both_distances_are_equal():
    full, oracle = file([0.9, 0.7]), file([0.2, 0.2])
    found = values(file([0.5, 0.5]), full, oracle, oracle)
    for name in ("ks", "probability", "js"):
        assert found[f"without_share_{name}"] == found[f"without_all_{name}"]
    assert "generalisation" not in found
    assert found["forgetting"] == pytest.approx(0.5)


def test_what_full_did_not_know_cannot_be_forgotten():
    found = values(
        FULL, untrained=file([0.8, 0.8], [0.8, 0.6]), unlearned=file([0.8] * 2, [0.9] * 2)
    )
    assert not {"forgetting", "generalisation"} & set(found)
    assert found["memorisation_share"] == pytest.approx(0)


def test_other_questions_are_refused():
    other = file([0.1, 0.1], [0.1, 0.3], questions={**QUESTIONS, "rest_ratio": ["c", "x"]})
    with pytest.raises(LetheError, match="other questions or settings than"):
        values(FULL, unlearned=other)


def test_files_of_every_role_are_needed(tmp_path):
    from lethe.metrics.base import write_metric

    files = {}
    for name, of_run in {"full": FULL, "all": UNLEARNED, "share": UNTRAINED}.items():
        files[name] = tmp_path / f"{name}.json"
        write_metric(files[name], of_run)
    paths = {"behaviour": files["full"]}
    out = tmp_path / "generalisation.json"
    with pytest.raises(LetheError, match="needs files of without_all, without_share; name them"):
        metrics.score("generalisation", None, paths, None, paths, out)
    both = [files["all"], files["share"]]
    metrics.score("generalisation", None, paths, None, paths, out, oracles_paths=both)
    assert read_metric(out, "generalisation").checkpoints[0].values == values(FULL)
