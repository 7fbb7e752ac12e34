"""Adaptive search: hill climbing until it no longer gains, then several branches in turn."""

from pydantic import Field

from lethe.pipeline.strategies.greedy import GreedySettings, changed
from lethe.pipeline.strategy import Proposal, best, ranked
from lethe.pipeline.strategy import Strategy as Base

# Trials left, from which on there are 1 and 2 branches; 3 before (FML-bench).
ONE, TWO, MOST = 15, 30, 3
# Points among which a branch begins with the one farthest from all trials.
CANDIDATES = 32


class AdaptiveSettings(GreedySettings):
    """``window``: trials within which there must be a gain of more than ``gain``.

    FML-bench's window is 50 of its hundreds of steps.
    """

    window: int = Field(50, ge=1)
    gain: float = Field(5e-4, ge=0)


def switched(scores, window: int, gain: float) -> int | None:
    """After how many trials the search changes its phase; None if it has not.

    The first count t with ``best(t) - best(t - window) <= gain``.
    """
    tops = []
    for score in scores:
        tops.append(max(score, tops[-1]) if tops else score)
    for count in range(window + 1, len(tops) + 1):
        if tops[count - 1] - tops[count - 1 - window] <= gain:
            return count
    return None


def branches(left: int) -> int:
    """How many branches are followed with so many trials left."""
    return 1 if left <= ONE else 2 if left <= TWO else MOST


class Strategy(Base):
    """AdaptiveSearch of FML-bench (2605.17373).

    In phase 2 one branch goes on from what the first phase found. Others begin with a point far
    from all trials, in place of FML-bench's prompts for something new [RECON], and each is climbed
    by itself; with fewer branches than there are, those with the best trials go on.
    """

    paper = "FML-bench, 2605.17373"
    knows_budget = True
    settings_class = AdaptiveSettings

    def propose(self, space, trials, count, rng, left):
        """Changes of the best trial, or of the best of each branch in turn."""
        tried, proposals = [trial.point for trial in trials], []
        roots = self._roots(trials)
        begun = 0
        for number in range(count):
            since = None if roots is None else len(trials) + number
            wanted = 1 if since is None else branches(left - number)
            followed = {0: [*trials]} if roots is None else roots
            if len(followed) + begun < wanted:
                begun += 1
                proposal = Proposal(self._far(space, tried, rng))
            else:
                heads = ranked([best(branch) for branch in followed.values()])[:wanted]
                head = heads[(since or 0) % len(heads)]
                proposal = changed(space, head.number, head.point, tried, rng, self.settings)
            tried.append(proposal.point)
            proposals.append(proposal)
        return proposals

    def _roots(self, trials):
        """The trials of each branch, by the number of its first; None in phase 1."""
        s = self.settings
        at = switched([trial.score for trial in trials], s.window, s.gain)
        if at is None:
            return None
        root, members = {}, {}
        for place, trial in enumerate(trials):
            if place < at:
                root[trial.number] = trials[0].number
            else:
                root[trial.number] = trial.number if trial.parent is None else root[trial.parent]
            members.setdefault(root[trial.number], []).append(trial)
        return members

    def _far(self, space, tried, rng):
        drawn = [space.drawn(rng) for _ in range(CANDIDATES)]
        return max(drawn, key=lambda point: min(space.distance(point, other) for other in tried))
