"""Search strategies on an objective that is known: nothing is trained here."""

import math
import statistics
from random import Random

import pytest

from lethe.common.errors import LetheError
from lethe.pipeline import strategies
from lethe.pipeline.search_points import Dimension, Point, Space
from lethe.pipeline.strategies import adaptive, halving, tpe, uct
from lethe.pipeline.strategy import Proposal, Trial
from lethe.unlearn.search_space import Choice, Range

NAMES = strategies.names()
LEARNING = [name for name in NAMES if name not in ("random", "halving")]
SETTINGS = {"adaptive": {"window": 10}}
EPOCHS = Dimension(Choice((1, 2, 4)), 4)


@pytest.fixture(scope="module")
def space():
    lr = Dimension(Range(0.25, 4, log=True, relative=True), 1e-3)
    weights = {"lr": lr, "retain_weight": Dimension(Range(0.25, 4, log=True, relative=True), 1.0)}
    beta = Dimension(Range(0.0, 1.0), 0.1)
    return Space(
        {
            "poor": {**weights, "epochs": EPOCHS},
            "rich": {**weights, "beta": beta, "epochs": EPOCHS},
        }
    )


def objective(space, point):
    """Smooth, at most 1, at a corner far from the start; one method has a lower summit."""
    wanted = {"lr": 0.9, "retain_weight": 0.2, "beta": 0.7, "epochs": 5 / 6}
    own = space.dimensions[point.method]
    away = statistics.fmean((space.share(point, name) - wanted[name]) ** 2 for name in own)
    return (1.0 if point.method == "rich" else 0.7) - away


def search(space, name, count=40, batch=4, seed=0, trials=None, settings=None):
    """The trials of a search, as the workflow makes them: batch by batch from their records."""
    strategy = strategies.load(name, SETTINGS.get(name) if settings is None else settings)
    strategy.check(space, "search.strategy")
    start = space.start()
    trials = [Trial(0, start, objective(space, start))] if trials is None else [*trials]
    while len(trials) < count:
        rng = Random(f"{seed}/{len(trials)}")
        left = count - len(trials)
        proposals = strategy.propose(space, trials, min(batch, left), rng, left)
        assert len(proposals) == min(batch, left)
        for proposal in proposals:
            number = len(trials)
            score = objective(space, proposal.point)
            trials.append(Trial(number, proposal.point, score, proposal.parent))
    return trials


@pytest.mark.parametrize("name", NAMES)
def test_proposals_lie_inside_the_ranges(space, name):
    for trial in search(space, name)[1:]:
        own = space.dimensions[trial.point.method]
        assert set(trial.point.shares) <= set(own)
        assert all(0 <= share <= 1 for share in trial.point.shares.values())
        values = space.settings(trial.point)
        assert 2.5e-4 <= values.get("lr", 1e-3) <= 4e-3
        assert values.get("epochs", 4) in (1, 2, 4)
        assert trial.parent is None or 0 <= trial.parent < trial.number


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_trials_and_others_others(space, name):
    first = search(space, name)
    assert search(space, name) == first
    assert search(space, name, seed=1) != first
    # The trials differ from each other.
    assert len({str(trial.point) for trial in first}) > 35


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("done", [1, 5, 21])
def test_a_search_that_was_stopped_goes_on_to_the_same_trials(space, name, done):
    whole = search(space, name)
    assert search(space, name, trials=whole[:done]) == whole


@pytest.mark.parametrize("name", [name for name in NAMES if name != "adaptive"])
def test_more_trials_leave_those_before_as_they_are(space, name):
    assert not strategies.load(name).knows_budget
    assert search(space, name, count=41)[:21] == search(space, name, count=21)


def test_what_learns_beats_random_on_a_smooth_objective(space):
    """By how much the best of 80 trials falls short of the summit: mean over the same 12 seeds.

    UCT goes by the best trial of a subtree here; by the mean it is no better than random.
    """
    best_of = {"uct": {"value": "best", "exploration": 0.05}}

    def short(name):
        found = [
            search(space, name, count=80, batch=1, seed=seed, settings=best_of.get(name))
            for seed in range(12)
        ]
        return 1 - statistics.fmean(max(trial.score for trial in trials) for trials in found)

    by_chance = short("random")
    for name in LEARNING:
        assert short(name) < 0.75 * by_chance, name


@pytest.mark.parametrize("name", NAMES)
def test_each_finds_the_better_method(space, name):
    assert max(search(space, name), key=lambda trial: trial.score).point.method == "rich"


def test_greedy_changes_the_best_trial_alone(space):
    trials = search(space, "greedy", batch=1)
    for trial in trials[1:]:
        before = trials[: trial.number]
        assert trial.parent == max(before, key=lambda t: (t.score, -t.number)).number


def test_a_mutation_changes_at_most_as_many_fields(space):
    rng, start = Random(0), Point("rich", {"lr": 0.5, "beta": 0.5})
    kept = 0
    for _ in range(200):
        new = space.mutated(start, rng, fields=1)
        names = space.dimensions["poor"]
        changed = [name for name in names if space.share(new, name) != space.share(start, name)]
        assert len(changed) + (new.method != start.method) <= 1
        # What both methods have keeps its share; what only one has is gone.
        if new.method == "poor":
            assert new.shares == {"lr": 0.5}
            kept += 1
    assert kept > 20


def test_steps_beyond_an_end_are_reflected(space):
    beta, rng = space.dimensions["rich"]["beta"], Random(1)
    assert all(0 <= beta.near(0.01, rng, 1.0) <= 1 for _ in range(500))


def test_shares_of_configured_values(space):
    own = space.dimensions["rich"]
    assert own["lr"].start == pytest.approx(0.5)
    assert own["beta"].start == pytest.approx(0.1)
    assert own["epochs"].start == pytest.approx(5 / 6)
    for name, dimension in own.items():
        assert dimension.at(dimension.start) == pytest.approx(dimension.configured), name
    assert Range(1, 3).share(9) == 1
    assert Range(1, 3).share(0) == 0
    assert Choice(("a", "b")).share("b") == 0.75


# --- UCT, by hand ---


def test_the_bound_by_hand():
    assert uct.bound(0.5, 2, 8, 0.3) == pytest.approx(0.5 + 0.3 * math.sqrt(math.log(8) / 2))
    assert uct.bound(0.5, 1, 1, 9.0) == 0.5


def test_the_tree_goes_where_the_bound_is_highest(space):
    """The root has three children: of mean .5 with three trials, .6 and .1 with one each."""
    point = space.start()
    scores = [0.2, 0.5, 0.6, 0.1, 0.4, 0.6]
    parents = [None, 0, 0, 0, 1, 1]
    trials = [
        Trial(n, point, score, parent)
        for n, (score, parent) in enumerate(zip(scores, parents, strict=True))
    ]

    def chosen(exploration):
        strategy = strategies.load("uct", {"exploration": exploration})
        (proposal,) = strategy.propose(space, trials, 1, Random(0), None)
        return proposal.parent

    # As shares of the way from .1 to .6 the means are .8, 1 and 0, and N is 6:
    # .8 + c sqrt(ln 6 / 3) = .8 + .773 c; 1 + 1.339 c; 1.339 c.
    assert chosen(0.0) == chosen(1.0) == 2
    # With .3 instead of the first .6 the bounds are .8 + .773 c, .4 + 1.339 c: equal at c = .707.
    trials[2] = Trial(2, point, 0.3, 0)
    # Trial 1 has two children and gets a third.
    assert chosen(0.70) == 1
    assert chosen(0.72) == 2


def test_trials_of_a_batch_spread_over_the_tree(space):
    trials = [Trial(0, space.start(), 0.5)] + [Trial(n, space.start(), 0.5, 0) for n in (1, 2, 3)]
    strategy = strategies.load("uct", {"exploration": 0.5})
    found = strategy.propose(space, trials, 3, Random(0), None)
    assert sorted(proposal.parent for proposal in found) == [1, 2, 3]


# --- adaptive ---


def test_when_the_phase_changes():
    assert adaptive.switched([0.1, 0.2, 0.3, 0.4], 2, 0.05) is None
    # After the fifth trial the best of 5 is no more than .0004 above the best of 3.
    assert adaptive.switched([0.1, 0.2, 0.3, 0.3004, 0.2, 0.9], 2, 5e-4) == 5
    assert adaptive.switched([0.1, 0.1, 0.1], 2, 0.0) == 3
    assert adaptive.switched([0.1, 0.1], 2, 0.0) is None
    assert adaptive.switched([], 2, 0.0) is None


def test_branches_by_trials_left():
    assert [adaptive.branches(left) for left in (1, 15, 16, 30, 31, 400)] == [1, 1, 2, 2, 3, 3]


def test_branches_begin_far_away_and_end_in_the_best(space):
    flat = [Trial(n, space.start(), 0.5, 0 if n else None) for n in range(12)]
    strategy = strategies.load("adaptive", {"window": 5})
    found = strategy.propose(space, flat, 6, Random(0), 40)
    assert [proposal.parent for proposal in found] == [None, None, 0, 0, 0, 0]
    scores = (0.9, 0.8)
    begun = flat + [
        Trial(12 + n, proposal.point, score, None)
        for n, (proposal, score) in enumerate(zip(found, scores, strict=False))
    ]
    assert {p.parent for p in strategy.propose(space, begun, 6, Random(0), 40)} == {0, 12, 13}
    assert {p.parent for p in strategy.propose(space, begun, 6, Random(0), 30)} == {12, 13}
    assert {p.parent for p in strategy.propose(space, begun, 6, Random(0), 15)} == {12}
    # In phase 1 there is one branch.
    rising = [Trial(n, space.start(), n / 10, None if n == 0 else n - 1) for n in range(8)]
    assert {p.parent for p in strategy.propose(space, rising, 3, Random(0), 40)} == {7}


# --- halving and TPE ---


def test_halving_sends_the_best_third_on_to_more_epochs(space):
    strategy = strategies.load("halving", {"keep": 3})
    trials = search(space, "halving", count=40, batch=3)[1:]
    rungs = [halving._rung(space, trial.point) for trial in trials]
    assert rungs.count(0) > 2 * rungs.count(1) > 0
    assert rungs.count(2) >= 1
    for trial, rung in zip(trials, rungs, strict=True):
        if trial.parent is not None:
            parent = trials[trial.parent - 1]
            assert halving._rung(space, parent.point) == rung - 1
            assert {**parent.point.shares, "epochs": 0} == {**trial.point.shares, "epochs": 0}
    # No trial goes on twice.
    gone = [trial.parent for trial in trials if trial.parent is not None]
    assert len(gone) == len(set(gone))
    without = Space({"a": {"lr": space.dimensions["rich"]["lr"]}})
    with pytest.raises(LetheError, match=r"halving needs two numbers of epochs of a; set search"):
        strategy.check(without, "search.strategy")


def test_tpe_draws_at_random_before_it_has_seen_enough(space):
    strategy = strategies.load("tpe", {"startup": 5})
    trials = search(space, "random", count=4)
    found = strategy.propose(space, trials, 2, Random(7), None)
    rng = Random(7)
    assert found == [Proposal(space.drawn(rng)) for _ in range(2)]


def test_tpe_s_kernels_are_densities(space):
    beta, kind = space.dimensions["rich"]["beta"], EPOCHS
    steps = 2000
    for centre in (0.0, 0.3, 1.0):
        mass = sum(tpe._kernel(beta, (n + 0.5) / steps, centre, 0.2) for n in range(steps)) / steps
        assert mass == pytest.approx(1, abs=1e-3)
        assert sum(tpe._kernel(kind, (n + 0.5) / 3, centre, 0.2) for n in range(3)) == 1


def test_bad_strategies_are_one_line(space):
    with pytest.raises(LetheError, match=r"unknown strategy 'gredy'; did you mean greedy"):
        strategies.load("gredy")
    with pytest.raises(LetheError, match=r"search\.strategy_settings\.uct\.children: .*found 0"):
        strategies.load("uct", {"children": 0}, "search.strategy")
    with pytest.raises(LetheError, match=r"uct\.explore: unknown setting; there are"):
        strategies.load("uct", {"explore": 0})
    with pytest.raises(LetheError, match="a has no range to search"):
        Space({"a": {}})
