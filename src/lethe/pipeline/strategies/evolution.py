"""Evolution, (mu + lambda): the best trials are parents; next are their crossed, changed points."""

from functools import partial

from pydantic import Field

from lethe.pipeline.strategies.greedy import GreedySettings
from lethe.pipeline.strategy import Proposal, ranked, untried
from lethe.pipeline.strategy import Strategy as Base


class EvolutionSettings(GreedySettings):
    """``parents``: mu, of all trials so far; ``crossover``: how often two parents are crossed."""

    parents: int = Field(4, ge=1)
    crossover: float = Field(0.5, ge=0, le=1)


class Strategy(Base):
    """Lambda is the batch. The first batch is drawn from the whole space, as a population [RECON].

    FML-bench (2605.17373) has OpenEvolve's agent in this place.
    """

    paper = "FML-bench, 2605.17373"
    settings_class = EvolutionSettings

    def propose(self, space, trials, count, rng, left):
        """Children of the best trials; before there are as many as parents, draws."""
        parents, tried = ranked(trials)[: self.settings.parents], [trial.point for trial in trials]
        proposals = []
        for _ in range(count):
            if len(trials) < self.settings.parents:
                proposal = Proposal(untried(partial(space.drawn, rng), tried))
            else:
                parent = rng.choice(parents)
                child = partial(self._child, space, parent, parents, rng)
                proposal = Proposal(untried(child, tried), parent.number)
            tried.append(proposal.point)
            proposals.append(proposal)
        return proposals

    def _child(self, space, parent, parents, rng):
        s, point = self.settings, parent.point
        if rng.random() < s.crossover:
            point = space.crossed(point, rng.choice(parents).point, rng)
        return space.mutated(point, rng, s.fields, s.width)
