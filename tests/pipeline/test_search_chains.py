"""Searches whose trials are proposed batch by batch: names, options, and the jobs' functions."""

import json

import pytest
from helpers.configurations import configured

from lethe.common.errors import LetheError
from lethe.pipeline import search, search_batches, search_chains, search_points
from lethe.pipeline.config import settings
from lethe.pipeline.search_batches import Measured
from lethe.unlearn import methods

OVER = ["grad_diff", "npo"]


def of(**more):
    extra = {key: more.pop(key) for key in ("method_settings",) if key in more}
    return configured({"search": more, **extra})


def of_study(**more):
    return of(**{"strategies": ["greedy", "random"], "over": OVER, "trials": 6, "batch": 2, **more})


def test_random_trials_of_methods_stay_as_they_were():
    """Drawn at once, each a method with its settings; nothing is awaited."""
    config = of(methods=["npo"], trials=3)
    assert search_chains.of_config(config) == []
    assert search_chains.placeholders(config) == {}
    # The values of earlier versions, which must never change.
    assert search.all_trials(config) == {
        "npo_trial1": {"method": "npo", "lr": 0.003888, "beta": 0.2803},
        "npo_trial2": {"method": "npo", "lr": 0.0008766, "beta": 0.235},
    }


def test_a_study_has_a_chain_for_each_strategy_and_repeat():
    config = of_study(repeats=2)
    chains = search_chains.of_config(config)
    assert [chain.name for chain in chains] == ["greedy_r0", "greedy_r1", "random_r0", "random_r1"]
    first, second, third = search_chains.batches(config, chains[0])
    # grad_diff is not among the default's methods, so its start is a trial of its own.
    start = search_chains.first_trial(config, "grad_diff")
    assert first.trials == ("greedy_r0_trial1", "greedy_r0_trial2")
    assert first.before == (start,)
    assert third.trials == ("greedy_r0_trial5",)
    assert third.before == (start, *first.trials, *second.trials)
    if start != "grad_diff":
        assert start in search.all_trials(config)


def test_one_method_may_be_searched_by_any_strategy():
    config = of(methods=["npo"], strategy="uct", trials=3)
    (chain,) = search_chains.of_config(config)
    assert search_chains.trial_names(config, chain) == ["npo", "npo_trial1", "npo_trial2"]
    assert search.drawn_methods(config) == []
    # Random draws as well, where epochs or wrappers are tried.
    assert search_chains.of_config(of(methods=["npo"], epochs=[2]))[0].strategy == "random"


def test_the_space_holds_ranges_epochs_and_wrappers():
    config = of_study(epochs=[1, 20], wrappers=[{"gru": {}}])
    (chain, *_) = search_chains.of_config(config)
    space = search_chains.space(config, chain)
    own = space.dimensions["npo"]
    assert {"lr", "beta", "epochs", "wrappers"} <= set(own)
    epochs = settings.method(config, "npo").epochs
    assert own["epochs"].values.values == tuple(sorted({1, 20, epochs}))
    assert own["wrappers"].values.values == ({}, {"gru": {}})
    # Every corner of it is a method with valid settings.
    for method, dimensions in space.dimensions.items():
        full = settings.method_settings(config, method)
        for share in (0.0, 0.5, 1.0):
            point = search_points.Point(method, dict.fromkeys(dimensions, share))
            methods.load(method)({**full, **space.settings(point)}, method)
    plain = json.loads(json.dumps(search_points.as_plain(space)))
    assert search_points.from_plain(plain).dimensions == space.dimensions


def test_options_are_what_a_trial_may_be():
    config = of_study(wrappers=[{"gru": {}}])
    (chain, *_) = search_chains.of_config(config)
    names = search_chains.option_names(config, chain)
    assert names == ["grad_diff_option0", "grad_diff_option1", "npo_option0", "npo_option1"]
    options = search_chains.options(config)
    assert list(options) == names
    assert options["npo_option1"]["wrappers"] == {"gru": {}}
    search.check(config)


BAD = {
    "an unknown strategy": ({"strategies": ["gredy"], "over": OVER}, "unknown strategy 'gredy'"),
    "an unknown strategy of methods": (
        {"methods": ["npo"], "strategy": "gredy"},
        "unknown strategy 'gredy'; did you mean greedy",
    ),
    "nothing to search": ({"strategies": ["greedy"]}, r"list them in search\.over"),
    "nobody to search": ({"over": OVER}, r"search\.over: no strategies search these methods"),
    "an unknown method": ({"strategies": ["greedy"], "over": ["nop"]}, "unknown method 'nop'"),
    "a wrong setting": (
        {"strategies": ["uct"], "over": OVER, "strategy_settings": {"uct": {"explore": 1}}},
        r"strategy_settings\.uct\.explore: unknown setting",
    ),
    "a wrong setting of a strategy that is not used": (
        {"methods": ["npo"], "strategy_settings": {"uct": {"explore": 1}}},
        r"strategy_settings\.uct\.explore: unknown setting",
    ),
    "a wrong setting of a wrapper": (
        {"strategies": ["greedy"], "over": OVER, "wrappers": [{"sam": {"rho": 0.1}}]},
        r"^config: search, grad_diff: wrappers\.sam\.rho: unknown setting; there are radius",
    ),
    "a wrapper twice": (
        {"strategies": ["greedy"], "over": OVER, "wrappers": [{"gru": {}}, {"gru": {}}]},
        r"search\.wrappers: {'gru': {}} is listed twice; keep one",
    ),
    "no epochs to halve": (
        {"strategies": ["halving"], "over": ["npo", "prompt"], "epochs": [1]},
        "of prompt; set search.epochs, and leave out a method that is not trained",
    ),
    "an unknown wrapper": (
        {"strategies": ["greedy"], "over": OVER, "wrappers": [{"grru": {}}]},
        "unknown wrapper 'grru'",
    ),
    "no rungs": ({"strategies": ["halving"], "over": OVER}, "set search.epochs"),
    "another checkpoint": (
        {"strategies": ["greedy"], "over": ["npo", "msa"]},
        "another checkpoint",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_studies_are_one_line(name):
    said, words = BAD[name]
    with pytest.raises(LetheError, match=words) as caught:
        search.check(of(**said))
    assert "\n" not in str(caught.value)


def test_names_in_use_and_other_starts_are_refused():
    taken = of_study(method_settings={"greedy_r0_trial1": {"method": "npo"}})
    with pytest.raises(LetheError, match="greedy_r0_trial1 is a trial's name"):
        search.check(taken)
    later = of_study(method_settings={"npo": {"previous_run": "grad_ascent"}})
    with pytest.raises(LetheError, match="npo starts from another run"):
        search.check(later)


def test_what_goes_with_epochs_of_a_run_is_refused():
    config = configured(
        {"search": {"methods": ["npo"], "strategy": "greedy"}, "checkpoints": {"keep": "best"}}
    )
    with pytest.raises(LetheError, match=r"checkpoints\.keep: best chooses among epochs"):
        search.check(config)


# --- the jobs ---


def metric(folder, name, kind, values, items=None):
    point = {"epoch": 2, "step": 4, "values": values}
    if items is not None:
        point |= {"items": {"forget": items}, "questions": {"forget": [str(n) for n in range(8)]}}
    file = folder / f"{name}_{kind}.json"
    file.write_text(json.dumps({"format": 1, "metric": kind, "checkpoints": [point]}))
    return str(file)


@pytest.fixture
def measured(tmp_path):
    """Files of trials by name: how close each is to the oracle on both halves."""
    oracle = [0.1, 0.2, 0.3, 0.4] * 2
    kept = metric(tmp_path, "full", "model_utility", {"model_utility": 0.5})
    truth = metric(tmp_path, "oracle", "truth_ratio", {"forget": 0.5}, oracle)

    def files(**far):
        ratios, utilities = [], []
        for name, count in far.items():
            items = [value + 9 * (n < count) for n, value in enumerate(oracle[:4])] + oracle[4:]
            ratios.append(metric(tmp_path, name, "truth_ratio", {"forget": 0.5}, items))
            value = {"model_utility": 0.5}
            utilities.append(metric(tmp_path, name, "model_utility", value))
        return Measured(ratios, utilities, truth, kept)

    return files


@pytest.fixture
def space():
    config = of_study(epochs=[1])
    return search_chains.space(config, search_chains.of_config(config)[0])


def proposed(space, measured, batches=(), before=("start",), names=("a1", "a2"), strategy="greedy"):
    return search_batches.propose_batch(
        space, (strategy, {}), names, before, batches, measured, "0/a", None
    )


def write(tmp_path, name, document):
    file = tmp_path / name
    file.write_text(json.dumps(document))
    return str(file)


def test_a_batch_is_proposed_from_validation_scores_alone(space, measured, tmp_path):
    first = proposed(space, measured(start=2))
    assert first == proposed(space, measured(start=2))
    assert [entry["trial"] for entry in first["trials"]] == ["a1", "a2"]
    assert [entry["parent"] for entry in first["trials"]] == [0, 0]
    file = write(tmp_path, "batch1.json", first)
    # a2 is nearest to the oracle on the first half, so greedy goes on from trial 2.
    then = proposed(space, measured(start=2, a1=3, a2=0), [file], ("start", "a1", "a2"), ("a3",))
    assert [entry["parent"] for entry in then["trials"]] == [2]
    # Scores: 1 - KS is 1/4, 1/2, 1 on the first half; all of the utility is kept.
    scores = search_batches.scores_of(["start", "a1", "a2"], measured(start=2, a1=3, a2=0))
    assert scores == pytest.approx({"start": 2 / 3, "a1": 0.4, "a2": 1.0})


def test_a_trial_reads_what_it_is(space, measured, tmp_path):
    document = proposed(space, measured(start=2), strategy="random")
    file = write(tmp_path, "batch1.json", document)
    known = {
        name: {"method": name, "settings": {"lr": 1.0, "kept": name}} for name in space.methods
    }
    for entry in document["trials"]:
        kind, chosen = search_batches.settings_of(file, entry["trial"], known)
        assert kind == entry["point"]["method"]
        assert chosen["kept"] == kind
        assert chosen["lr"] == entry["settings"]["lr"] != 1.0
    listed = search_batches.changes("start", [file], several=True)
    assert listed["start"] == {}
    assert listed["a1"]["method"] == document["trials"][0]["point"]["method"]
    assert "method" not in search_batches.changes("start", [file], several=False)["a1"]


def test_batches_of_another_search_are_refused(space, measured, tmp_path):
    file = write(tmp_path, "batch1.json", proposed(space, measured(start=2)))
    with pytest.raises(LetheError, match="the batches before it do not fit"):
        proposed(space, measured(start=2, b1=1), [file], ("start", "b1"), ("b2",))
    other = write(tmp_path, "other.json", {"format": 9, "trials": []})
    with pytest.raises(LetheError, match="no batch of trials of format 1"):
        search_batches.read([other])
