"""Plans that are carried out: the runs of all in one configuration, and how often they succeed."""

import json

import pandas as pd
import pytest
import yaml
from helpers.commands import refusal

from lethe.analysis.scores import COLUMNS, write_scores
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.pipeline import plan_runs, plan_success, planner, workflow_files
from lethe.pipeline.card import Card
from lethe.pipeline.config import load, settings
from lethe.pipeline.config.strict_yaml import read_config
from lethe.pipeline.plan_learning import Outcome
from lethe.unlearn import methods

# One method each; a prompt alone serves the second.
TRAINED, PROMPTED = Card(budget="little"), Card(retain=False, inference_only=True, budget="little")
CARDS = [TRAINED, PROMPTED]
ALL = len(methods.for_causal())
# By seed, the runs that succeed.
DONE = {1: {"npo_retain", "simnpo"}, 2: {"simnpo", "prompt"}, 3: {"simnpo"}}


def built(config):
    return load.build(load.laid_over(read_config(workflow_files.defaults()), config))


def table(tmp_path, done=DONE, runs=None, authors=60, world="plans", full=0.6, **epochs):
    """A results folder in which the runs have these outcomes; its table of scores."""
    rows = []
    for seed, good in done.items():
        ends = {run.name: run.epochs for run in plan_runs.carried_out(CARDS)} | {"full": 0}
        for run in ends if runs is None else runs:
            place = ("tiny", "forget10", run, seed, epochs.get(run, ends[run]), 1)
            utility = full + 0.01 * seed if run in {*good, "full"} else 0.3
            rows.append((*place, "model_utility", "model_utility", utility))
            rows.append((*place, "forget_quality", "forget_quality", 0.0 if run == "full" else 0.5))
    file = tmp_path / world / "tables" / "scores.csv"
    file.parent.mkdir(parents=True)
    (tmp_path / world / "data").mkdir()
    card = {"provider": "synthetic", "authors": authors}
    (tmp_path / world / "data" / "card.json").write_text(json.dumps(card))
    write_scores(pd.DataFrame(rows, columns=COLUMNS), file)
    return str(file)


# --- the runs ---


def test_a_run_is_named_by_what_differs_from_the_defaults():
    plain = plan_runs.of_plan(planner.suggest(TRAINED).config)
    assert [run.name for run in plain] == ["npo_retain"]
    without = plan_runs.of_library(Card(prior=True, retain=False, budget="little"))
    assert without["msa"].name == "msa_beta_0"
    small = plan_runs.of_library(Card(2, 20, budget="little"))
    assert small["npo_retain"].name == "npo_retain_epochs_10"
    assert small["npo_retain"].epochs == 10


def test_the_common_configuration_has_each_run_with_the_settings_of_its_plan():
    cards = [Card(2, 20, budget="little"), Card(2, 20, budget="some", prior=True, retain=False)]
    config = built(plan_runs.together(cards))
    assert len(set(config.methods)) == len(config.methods)
    for run in plan_runs.carried_out(cards):
        assert run.name in config.methods
        own = settings.method_settings(config, run.name)
        assert json.dumps(own, sort_keys=True) == run.settings
    # With the library 10 epochs, by chance the default of 5; both are carried out.
    assert {"npo_retain_epochs_10", "npo_retain", "msa_beta_0_epochs_10"} <= set(config.methods)
    assert config.world.authors == 20
    assert config.splits == ["forget10"]


def test_a_run_that_is_refused_is_not_carried_out(monkeypatch):
    def without_rmu(config):
        if "rmu" in config.methods:
            raise LetheError("rmu: not here")

    monkeypatch.setattr(plan_runs, "check", without_rmu)
    names = [run.name for run in plan_runs.carried_out([Card(3, 30, budget="little")])]
    assert "rmu" not in names
    assert "npo" in names


def test_requests_of_one_size_are_of_every_kind():
    cards = plan_runs.requests(6, 60)
    assert len(set(cards)) == 2 * 2 * 2 * 3
    assert {(card.forget, card.authors) for card in cards} == {(6, 60)}


# --- their success ---


def shares(found, counted):
    rows = found[found["counted"] == counted]
    return dict(zip(rows["planner"], rows["share"], strict=True))


def test_success_by_hand(tmp_path):
    found = plan_success.measured(table(tmp_path), CARDS)
    plans = shares(found, "plans that succeed")
    # npo_retain with the first seed of three; the prompt with the second.
    assert plans[plan_success.LIBRARY] == pytest.approx((1 / 3 + 1 / 3) / 2)
    # Of any two seeds simnpo succeeded in both, npo_retain in one at most.
    assert plans[plan_success.LEARNED] == pytest.approx((1 + 1 / 3) / 2)
    # adlira, the first by name, never; the prompt is the only one whose needs are met.
    assert plans[plan_success.WITHOUT] == pytest.approx((0 + 1 / 3) / 2)
    # Of all methods 2, 2 and 1 succeed for the first request; the prompt, once, for the second.
    assert plans[plan_success.CHANCE] == pytest.approx((5 / 3 / ALL + 1 / 3 / ALL) / 2)
    # In the made tables every run forgets, and those that fail lose utility.
    assert shares(found, "runs that forget")[plan_success.LIBRARY] == 1
    assert shares(found, "runs that keep utility")[plan_success.LIBRARY] == pytest.approx(1 / 3)
    able = sum(run.serves(TRAINED) for run in plan_runs.by_chance(TRAINED))
    assert plans[plan_success.ABLE] == pytest.approx((5 / 3 / able + 1 / 3) / 2)


def test_the_chance_of_one_good_draw_in_three():
    runs = [plan_runs.Run("npo", "{}", name) for name in "abcde"]
    done = {(name, 1): Outcome(name in "abc", name in "ab") for name in "abcde"}
    executed = plan_success.Executed("scores.csv", (1,), done)
    plan, run, forgets, keeps, not_started = executed.shares_by_chance(Card(budget="some"), runs, 1)
    # Of the 10 ways to draw three of five only one has neither a nor b.
    assert plan == pytest.approx(9 / 10)
    assert (run, forgets, keeps) == pytest.approx((2 / 5, 3 / 5, 2 / 5))
    assert not_started == 0


def test_intervals_are_over_requests_and_ranges_over_seeds(tmp_path):
    found = plan_success.measured(table(tmp_path), CARDS).set_index(["planner", "counted"])
    row = found.loc[(plan_success.LEARNED, "plans that succeed")]
    # The requests have 1 and 1/3: a resample has the one, the other or both.
    assert (row["low"], row["high"]) == pytest.approx((1 / 3, 1))
    assert (row["lowest_seed"], row["highest_seed"]) == (0.5, 1.0)
    assert row["difference"] == pytest.approx(1 / 3)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((0, 2 / 3))


def test_what_has_no_score_is_a_failure_that_cannot_start(tmp_path):
    ends = {run.name for run in plan_runs.carried_out(CARDS)} - {"npo_retain"}
    file = table(tmp_path, runs=[*ends, "full"])
    found = plan_success.measured(file, CARDS, failed=["npo_retain"])
    assert shares(found, "plans that succeed")[plan_success.LIBRARY] == pytest.approx(1 / 6)
    assert shares(found, "runs that cannot start")[plan_success.LIBRARY] == pytest.approx(1 / 2)


def test_other_worlds_may_be_learned_from(tmp_path):
    past = table(tmp_path, {5: {"grad_diff"}}, world="past", full=0.5)
    file = table(tmp_path, {1: {"grad_diff", "simnpo"}, 2: {"simnpo"}})
    plans = shares(plan_success.measured(file, CARDS, past=[past]), "plans that succeed")
    assert plans[plan_success.LEARNED] == pytest.approx((1 / 2 + 0) / 2)
    with pytest.raises(LetheError, match=r"has runs of .* itself; learn from other seeds"):
        plan_success.measured(file, CARDS, past=[past, file])


ODD = {
    "runs missing": ({"runs": ["full", "npo"]}, "no forget quality and model utility of adlira"),
    "one seed": ({"done": {1: set()}}, "one seed of tiny on forget10; give two or more"),
    "another world": ({"authors": 20}, "its world is not one of 60 synthetic authors"),
    "another number of epochs": ({"npo": 3}, "npo ends at epoch 3, in the plans at 5"),
}


@pytest.mark.parametrize("name", ODD)
def test_tables_of_other_runs_are_one_line(name, tmp_path):
    said, words = ODD[name]
    file = table(tmp_path, **said)
    with pytest.raises(LetheError) as caught:
        plan_success.read(file, CARDS)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_seed_of_one_run_is_missed(tmp_path):
    file = table(tmp_path)
    scores = pd.read_csv(file)
    write_scores(scores[(scores["run"] != "wga") | (scores["seed"] != 2)], file)
    with pytest.raises(LetheError, match=r"of wga with seed 2; finish it, or .* --failed wga"):
        plan_success.read(file, CARDS)


def test_a_table_outside_of_results_and_an_unknown_run_are_refused(tmp_path):
    file = table(tmp_path)
    with pytest.raises(LetheError, match=r"--failed: 'npo_retian' is no run of the plans.*npo_ret"):
        plan_success.read(file, CARDS, ["npo_retian"])
    (tmp_path / "plans" / "data" / "card.json").unlink()
    with pytest.raises(LetheError, match=r"name results/WORLD/tables/scores\.csv"):
        plan_success.read(file, CARDS)


# --- the command ---


def test_the_command_writes_the_runs_and_measures_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(plan_runs, "requests", lambda forget, authors: CARDS)
    file = tmp_path / "plans.yaml"
    main(["suggest", "--measure", "--write", str(file)])
    assert f"{file}: written" in capsys.readouterr().out
    config = built(yaml.safe_load(file.read_text()))
    assert {"npo_retain", "prompt", "simnpo", "adlira"} <= set(config.methods)
    main(["suggest", "--measure", "--executed", table(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split("\t")[:3] == ["with the task library", "plans that succeed", "0.333"]
    assert lines[-1].startswith("low, high: 95% intervals over the 2 requests")


BAD = {
    "not measured": (["--write", "x"], "--write belongs to --measure"),
    "nothing executed": (["--measure", "--failed", "npo"], "--failed belongs to --executed"),
    "a kind of request": (["--measure", "--no-retain"], "--no-retain: --measure takes requests of"),
    "a budget": (["--measure", "--budget", "much"], "--budget: --measure takes requests of every"),
    "a number": (["--measure", "--gpus", "2"], "--gpus: --measure takes requests of every kind"),
    "learning alone": (["--measure", "--learn", "x"], "--learn: with --measure"),
    "a folder": (["--measure", "--write", "src"], "--write src: a folder; name a file in it"),
    "both": (["--measure", "--write", "x", "--executed", "y"], "first write the runs"),
}


@pytest.mark.parametrize("name", BAD)
def test_odd_options_are_one_line(name):
    said, words = BAD[name]
    assert words in refusal(lambda: main(["suggest", *said]))
