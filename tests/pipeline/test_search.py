"""Ranges, trials, and how they are ranked."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from helpers.configurations import DEFAULT, configured
from pydantic import BaseModel
from scipy.stats import hmean, ks_2samp

from lethe.analysis import search_ranking
from lethe.common.errors import LetheError
from lethe.pipeline import search as trials
from lethe.pipeline.config import settings
from lethe.unlearn import methods
from lethe.unlearn.search_space import Choice, Range, declared, drawn


class SearchedSettings(BaseModel):
    lr: Annotated[float, Range(0.1, 10, log=True, relative=True)] = 2e-3
    weight: Annotated[float, Range(1, 3)] = 1.0
    kind: Annotated[str, Choice(("a", "b"))] = "a"
    plain: int = 1


def test_values_of_a_share():
    ranges = declared(SearchedSettings)
    assert list(ranges) == ["lr", "weight", "kind"]
    middle = drawn(ranges, SearchedSettings(), [0.5, 0.5, 0.5])
    assert middle == {"lr": pytest.approx(2e-3), "weight": 2.0, "kind": "b"}
    ends = [drawn(ranges, SearchedSettings(), [share] * 3) for share in (0.0, 1.0)]
    assert [end["lr"] for end in ends] == pytest.approx([2e-4, 2e-2])
    assert [end["kind"] for end in ends] == ["a", "b"]


@pytest.mark.parametrize("name", methods.names())
def test_every_methods_ranges_hold_valid_settings(name):
    """At both ends and in the middle."""
    start = methods.load(name)({}).settings
    ranges = declared(type(start))
    for share in (0.0, 0.5, 1.0):
        methods.load(name)(drawn(ranges, start, [share] * len(ranges)), name)


def test_the_rate_of_every_loss_is_searched():
    losses = [name for name in methods.names() if "loss" in methods.load(name).kind]
    assert len(losses) > 10
    assert all("lr" in declared(methods.load(name).settings_class) for name in losses)


def with_search(methods=("npo", "grad_diff"), settings=None, **more):
    search = {"methods": list(methods), "trials": 3, **more}
    return configured({"search": search, "method_settings": settings or {}})


def test_trials_are_equally_many_seeded_and_only_grow():
    config = with_search()
    npo = trials.trials(config, "npo")
    assert list(npo) == ["npo", "npo_trial1", "npo_trial2"]
    assert npo["npo"] == {}
    assert set(npo["npo_trial1"]) == {"lr", "beta"}
    assert len(trials.trials(config, "grad_diff")) == 3
    assert trials.trials(with_search(), "npo") == npo
    assert trials.trials(with_search(seed=1), "npo") != npo
    more = trials.trials(with_search(trials=5), "npo")
    assert {name: more[name] for name in npo} == npo
    lr = DEFAULT["unlearning"]["lr"]
    assert all(lr / 4 <= found["lr"] <= 4 * lr for found in list(npo.values())[1:])


def test_trials_keep_what_else_their_method_is_told():
    mild = {"method": "npo", "epochs": 2}
    config = with_search(["npo_retain", "mild"], {"mild": mild})
    found = trials.all_trials(config)
    # One that is not in the run itself has a trial for its own settings.
    assert found["mild_trial0"] == {"method": "npo", "epochs": 2}
    assert found["mild_trial1"]["epochs"] == 2
    assert "npo_retain" not in found
    assert found["npo_retain_trial1"]["method"] == "npo_retain"
    for name in found:
        settings.method_settings(config.with_methods(found), name)


def test_bad_searches_are_one_line():
    with pytest.raises(LetheError, match=r"search\.trials: .*found 1"):
        with_search(trials=1)
    with pytest.raises(LetheError, match="unknown method 'nop'"):
        trials.all_trials(with_search(["nop"]))
    taken = with_search(["npo"], {"npo_trial1": {"method": "idk"}})
    with pytest.raises(LetheError, match="npo_trial1 is a trial's name"):
        trials.all_trials(taken)
    bare = with_search(["npo"]).changed(metrics=["probability"])
    with pytest.raises(LetheError, match="ranked by truth_ratio"):
        trials.check(bare)


def test_a_method_without_ranges_cannot_be_searched(monkeypatch):
    monkeypatch.setattr(trials, "declared", lambda settings: {})
    with pytest.raises(LetheError, match="npo declares no search space"):
        trials.trials(with_search(["npo"]), "npo")


def metric(file, name, values, items=None):
    point = {"epoch": 2, "step": 4, "values": values}
    if items is not None:
        point["items"] = {"forget": list(items)}
        point["questions"] = {"forget": [f"q{n}" for n in range(len(items))]}
    file.write_text(json.dumps({"format": 1, "metric": name, "checkpoints": [point]}))
    return str(file)


@pytest.fixture
def judged(tmp_path):
    """Files of two trials, their items, and the oracle's."""
    oracle = np.random.default_rng(0).lognormal(size=20)
    # The first is near the oracle on the first half alone, the second on the other.
    near, far = oracle * 1.01, oracle * 9
    items = {
        "first": np.concatenate([near[:10], far[10:]]),
        "second": np.concatenate([far[:10], near[10:]]),
    }
    kept = {"first": 0.3, "second": 0.4}
    files = {
        "ratios": {
            name: metric(tmp_path / f"ratios_{name}", "truth_ratio", {"forget": 0.5}, values)
            for name, values in items.items()
        },
        "utilities": {
            name: metric(tmp_path / f"utility_{name}", "model_utility", {"model_utility": value})
            for name, value in kept.items()
        },
        "oracle": metric(tmp_path / "oracle", "truth_ratio", {"forget": 0.5}, oracle),
        "full": metric(tmp_path / "full", "model_utility", {"model_utility": 0.6}),
    }
    return files, items, oracle


def test_the_validation_half_chooses_and_the_other_reports(judged):
    files, items, oracle = judged
    found = search_ranking.judged({"first": {}, "second": {"lr": 1.0}}, **files)
    assert found["chosen"] == "first"
    rows = {row["trial"]: row for row in found["trials"]}
    for name, kept in (("first", 0.5), ("second", 0.4 / 0.6)):
        for half, part in (("validation", slice(0, 10)), ("test", slice(10, 20))):
            close = 1 - ks_2samp(items[name][part], oracle[part]).statistic
            assert rows[name][f"{half}_closeness"] == pytest.approx(close)
            assert rows[name][half] == pytest.approx(hmean([close, kept]))
    # What had no say in the choice may say otherwise.
    assert rows["second"]["test"] > rows["first"]["test"]


def test_other_questions_are_refused(judged):
    files, _, _ = judged
    place = Path(files["ratios"]["first"])
    document = json.loads(place.read_text())
    document["checkpoints"][0]["questions"]["forget"][0] = "another"
    place.write_text(json.dumps(document))
    with pytest.raises(LetheError, match="other forget items"):
        search_ranking.judged({"first": {}}, **files)


def test_a_useless_model_scores_nothing():
    assert search_ranking.score(1.0, 0.0, 0.5) == search_ranking.score(0.5, 0.1, 0.0) == 0
    assert search_ranking.score(1.0, 0.7, 0.5) == 1
