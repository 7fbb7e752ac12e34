"""Hill climbing: change the best trial so far, keep what is better."""

from functools import partial

from pydantic import Field

from lethe.pipeline.strategy import Proposal, StrategySettings, best, untried
from lethe.pipeline.strategy import Strategy as Base


class GreedySettings(StrategySettings):
    """``fields``: the most changes of a proposal; ``width``: the size of a step of a number."""

    fields: int = Field(2, ge=1)
    width: float = Field(0.3, gt=0, le=1)


class Strategy(Base):
    """FML-bench's greedy agent (2605.17373) with random changes in place of a language model's."""

    paper = "FML-bench, 2605.17373"
    settings_class = GreedySettings

    def propose(self, space, trials, count, rng, left):
        """``count`` changes of the best trial."""
        top, tried = best(trials), [trial.point for trial in trials]
        proposals = []
        for _ in range(count):
            proposals.append(changed(space, top.number, top.point, tried, rng, self.settings))
            tried.append(proposals[-1].point)
        return proposals


def changed(space, number, point, tried, rng, settings: GreedySettings) -> Proposal:
    """A change of the trial ``number`` that was not tried before."""
    make = partial(space.mutated, point, rng, settings.fields, settings.width)
    return Proposal(untried(make, tried), number)
