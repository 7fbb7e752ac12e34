"""Suggested configurations: they validate, keep to what is at hand, and agree with known plans."""

from itertools import product

import pandas as pd
import pytest
import yaml
from helpers.commands import refusal

from lethe.analysis.scores import COLUMNS, write_scores
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.pipeline import plan_accuracy, plan_learning, planner, workflow_files
from lethe.pipeline.card import BUDGETS, Card
from lethe.pipeline.config import load
from lethe.pipeline.config.check import check
from lethe.pipeline.config.strict_yaml import read_config
from lethe.unlearn import methods

SIZES = ((1, 20), (6, 60), (30, 60), (2, 20))


def built(suggestion):
    """The configuration of what is printed, over the defaults."""
    said = yaml.safe_load(suggestion.as_yaml())
    return load.build(load.laid_over(read_config(workflow_files.defaults()), said))


def needs(config, name):
    own = config.method_settings.get(name)
    return methods.load(name)(own.own() if own else {}, name).needs


@pytest.mark.parametrize(("forget", "authors"), SIZES)
def test_every_plan_passes_the_workflow_s_checks(forget, authors):
    """And uses nothing that is not at hand."""
    for retain, prior, only, budget in product(
        (True, False), (True, False), (True, False), BUDGETS
    ):
        card = Card(forget, authors, retain, prior, only, budget)
        config = built(planner.suggest(card))
        check(config)
        assert 1 <= len(config.methods) <= 4
        for name in config.methods:
            wanted = needs(config, name)
            assert retain or "retain" not in wanted, (card, name)
            assert prior or "prior" not in wanted, (card, name)
            assert not only or methods.load(name).intervention is not None, (card, name)
        if only:
            assert not config.attacks


@pytest.mark.parametrize(("forget", "authors"), [(3, 6), (99, 100)])
def test_rehearsals_with_few_authors_that_stay(forget, authors):
    """The suggestion has passed the workflow's checks, of which one is about perturbed answers."""
    world = planner.suggest(Card(forget, authors)).config["world"]
    assert world["perturbed_retain_authors"] == authors - forget


def test_what_requests_are_answered_with():
    gates = planner.suggest(Card(inference_only=True)).config["methods"]
    assert gates == ["guard_it", "eco"]
    assert planner.suggest(Card(retain=False, inference_only=True)).config["methods"] == ["prompt"]
    assert planner.suggest(Card(budget="little")).config["methods"] == ["npo_retain"]
    without = planner.suggest(Card(prior=True, retain=False)).config
    assert without["method_settings"]["msa"] == {"beta": 0}
    assert planner.suggest(Card(budget="much")).config["attacks"] == ["relearned", "quantised4"]


def test_every_method_has_its_reason():
    for card, _ in plan_accuracy.BEST_KNOWN:
        suggestion = planner.suggest(card)
        text = suggestion.as_yaml()
        for name in suggestion.config["methods"]:
            assert f"# {name}: " in text
        assert set(suggestion.reasons) <= set(suggestion.config)


def own(tmp_path, **more):
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    at = {"model": "example/full-7b", "base": "example/base-7b", "data": str(folder)}
    return Card(**{"forget": 20, "authors": 200, "parameters": 7e9, **at, **more})


def test_hardware_decides_how_weights_are_trained(tmp_path, monkeypatch):
    # The data are not read here.
    monkeypatch.setattr(planner, "check", lambda config: None)

    def of_model(**more):
        config = planner.suggest(own(tmp_path, **more)).config
        return config, config["model_settings"]["yours"]

    small, settings = of_model(gpu="a100", parameters=1e9)
    assert "lora" not in settings
    assert "compute" not in small
    _, settings = of_model(gpu="a100")
    assert settings["lora"]["rank"] == 16
    sharded, settings = of_model(gpu="h100", gpus=4)
    assert sharded["compute"] == {"processes": 4, "sharding": "fsdp"}
    assert "lora" not in settings
    # Weight arithmetic cannot work on adapters.
    adapted, _ = of_model(gpu="a100", prior=True)
    assert "msa" not in adapted["methods"]
    with pytest.raises(LetheError, match=r"fit 1 a6000 in no way; name more GPUs"):
        planner.suggest(own(tmp_path, gpu="a6000", parameters=7e11))


def test_plans_keep_within_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(planner, "check", lambda config: None)
    many = planner.suggest(own(tmp_path, gpu="h100", parameters=1e9)).config["methods"]
    few = planner.suggest(own(tmp_path, gpu="h100", parameters=1e9, hours=8)).config["methods"]
    assert few == many[: len(few)]
    with pytest.raises(LetheError, match=r"alone takes .* GPU-hours; raise --hours"):
        planner.suggest(own(tmp_path, gpu="h100", parameters=1e9, hours=0.01))


def test_the_library_beats_planning_without_it_and_chance():
    found = plan_accuracy.measured()
    assert found["with the task library"] > found["without it"] + 0.3
    assert found["with the task library"] > found["at random"] + 0.3


def test_accuracy_by_hand():
    one = {"methods": ["npo", "rmu"], "method_settings": {"npo": {"beta": 0.2}}}
    other = {"methods": ["npo", "rmu"], "attacks": ["relearned"]}
    # Of unlearn(npo, beta=0.2), unlearn(rmu), unlearn(npo), attack(relearned) one is in both.
    assert plan_accuracy.accuracy(one, other) == pytest.approx(1 / 4)
    assert plan_accuracy.accuracy(one, one) == plan_accuracy.accuracy({}, {}) == 1


# --- learning from past runs ---


def scores(tmp_path, runs):
    """A table of scores: by run, forget quality and model utility at the last epoch."""
    rows = []
    for run, (quality, utility) in runs.items():
        for epoch, less in ((1, 0.3), (2, 0.0)):
            place = ("tiny", "forget10", run, 0, epoch, epoch)
            rows.append((*place, "model_utility", "model_utility", utility - less))
            rows.append((*place, "forget_quality", "forget_quality", max(quality - less, 0)))
    file = tmp_path / "scores.csv"
    write_scores(pd.DataFrame(rows, columns=COLUMNS), file)
    return str(file)


RUNS = {"full": (0.0, 0.6), "npo_retain": (0.5, 0.3), "grad_diff": (0.2, 0.55), "rmu": (0.01, 0.6)}


def test_success_by_hand(tmp_path):
    # Utility .3 is below .54; p .01 is below .05.
    expected = {"npo_retain": 0.0, "grad_diff": 1.0, "rmu": 0.0}
    assert plan_learning.success([scores(tmp_path, RUNS)]) == expected


def test_past_runs_decide_the_order(tmp_path):
    learned = plan_learning.success([scores(tmp_path, RUNS)])
    names = planner.suggest(Card(), learned).config["methods"]
    # What succeeded is first, what was never tried next, what failed last.
    assert names == ["grad_diff", "simnpo", "npo_retain"]


def test_tables_without_the_metrics_are_refused(tmp_path):
    file = tmp_path / "scores.csv"
    row = ("tiny", "forget10", "npo", 0, 1, 1, "probability", "forget", 0.5)
    write_scores(pd.DataFrame([row], columns=COLUMNS), file)
    with pytest.raises(LetheError, match=r"scores\.csv: no forget_quality and model_utility"):
        plan_learning.success([str(file)])


# --- the command ---


def test_the_command_prints_what_validates(tmp_path, capsys):
    main(["suggest", "--inference-only", "--budget", "little"])
    file = tmp_path / "plan.yaml"
    file.write_text(capsys.readouterr().out)
    config = load.configuration([str(file)])
    check(config)
    assert config.methods == ["guard_it"]


BAD = {
    "no whole percent": (["--forget", "7"], "7 of 60 authors are no whole percent"),
    "everybody": (["--forget", "60"], "60 of 60 authors leave nothing"),
    "an unknown budget": (["--budget", "huge"], "--budget: 'huge'; choose from little"),
    "an unknown GPU": (["--gpu", "b200"], "unknown GPU 'b200'"),
    "hours of nothing": (["--hours", "3"], "name its kind with --gpu"),
    "a model alone": (["--model", "x"], "add --base"),
    "a base that is the model": (
        ["--model", "x", "--base", "./x", "--data", "y"],
        "--base: ./x is the model itself; name what it was before",
    ),
    "a table of something else": (
        ["--learn", "README.md"],
        "README.md: expected the columns model,split,run,seed,epoch,step,metric,name,value; name "
        "results/WORLD/tables/scores.csv",
    ),
    "a base alone": (["--base", "x"], "describe a --model"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_one_line(name):
    said, words = BAD[name]
    assert words in refusal(lambda: main(["suggest", *said]))
