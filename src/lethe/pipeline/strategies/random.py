"""Random search: every trial is drawn from the whole space, whatever the others gave."""

from lethe.pipeline.strategy import Proposal
from lethe.pipeline.strategy import Strategy as Base


class Strategy(Base):
    """Bergstra and Bengio, JMLR 13 (2012); the control of every other strategy."""

    paper = "Bergstra and Bengio, JMLR 13, 2012"

    def propose(self, space, trials, count, rng, left):
        """Draws that know nothing of the trials."""
        return [Proposal(space.drawn(rng)) for _ in range(count)]
