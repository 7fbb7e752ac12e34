"""Successive halving: many trials of few epochs, of which the best go on to more."""

from functools import partial

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.pipeline.search_points import Point
from lethe.pipeline.strategy import Proposal, StrategySettings, ranked, untried
from lethe.pipeline.strategy import Strategy as Base
from lethe.unlearn.search_space import Choice

EPOCHS = "epochs"


class HalvingSettings(StrategySettings):
    """``keep``: one of so many trials with the same number of epochs goes on to the next."""

    keep: int = Field(3, ge=2)


class Strategy(Base):
    """Asynchronous successive halving (ASHA, Li et al., 1810.05934), rungs: ``search.epochs``.

    A trial that goes on is trained anew with more epochs, not continued, so that every trial is a
    run like any other; trials count alike, whatever their epochs.
    """

    paper = "ASHA, 1810.05934"
    settings_class = HalvingSettings

    def check(self, space, place):
        """LetheError unless every method has several numbers of epochs."""
        for method, own in space.dimensions.items():
            one = own.get(EPOCHS)
            if one is None or not isinstance(one.values, Choice) or one.options < 2:
                raise LetheError(
                    f"{place}: halving needs two numbers of epochs of {method}; set search.epochs, "
                    "and leave out a method that is not trained"
                )

    def propose(self, space, trials, count, rng, left):
        """What goes on to more epochs, from the most epochs downwards; else something new."""
        gone, tried = {trial.parent for trial in trials}, [trial.point for trial in trials]
        proposals = []
        for _ in range(count):
            proposal = self._onward(space, trials, gone)
            if proposal is None:
                drawn = untried(partial(_first_rung, space, rng), tried)
                proposal = Proposal(drawn)
            gone.add(proposal.parent)
            tried.append(proposal.point)
            proposals.append(proposal)
        return proposals

    def _onward(self, space, trials, gone):
        rungs = {}
        for trial in trials:
            rungs.setdefault(_rung(space, trial.point), []).append(trial)
        for rung in sorted(rungs, reverse=True):
            top = ranked(rungs[rung])[: len(rungs[rung]) // self.settings.keep]
            for trial in top:
                dimension = space.dimensions[trial.point.method][EPOCHS]
                if trial.number not in gone and rung + 1 < dimension.options:
                    return Proposal(_on_rung(space, trial.point, rung + 1), trial.number)
        return None


def _order(dimension):
    """The options by number of epochs, the fewest first."""
    return sorted(range(dimension.options), key=lambda number: dimension.values.values[number])


def _rung(space, point):
    dimension = space.dimensions[point.method][EPOCHS]
    return _order(dimension).index(dimension.index(space.share(point, EPOCHS)))


def _on_rung(space, point, rung):
    dimension = space.dimensions[point.method][EPOCHS]
    share = (_order(dimension)[rung] + 0.5) / dimension.options
    return Point(point.method, {**point.shares, EPOCHS: share})


def _first_rung(space, rng):
    return _on_rung(space, space.drawn(rng), 0)
