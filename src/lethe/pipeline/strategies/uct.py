"""Tree search: which trial to change next is chosen by upper confidence bounds for trees (UCT)."""

import math
from collections import defaultdict
from statistics import fmean
from typing import Literal

from pydantic import Field

from lethe.pipeline.strategies.greedy import GreedySettings, changed
from lethe.pipeline.strategy import Strategy as Base


class UCTSettings(GreedySettings):
    """``exploration``: the bound's factor c; ``children``: how many changes a trial gets.

    ``value``: what of a subtree's scores is bounded, their mean or the best of them [RECON].
    """

    exploration: float = Field(0.1, ge=0)
    children: int = Field(3, ge=1)
    value: Literal["mean", "best"] = "mean"


def bound(mean: float, visits: int, parent_visits: int, exploration: float) -> float:
    """``mean + c sqrt(ln N / n)`` (Kocsis and Szepesvári 2006), as FML-bench's tree search uses it.

    ``visits``: n, of the child; ``parent_visits``: N, at least 1.
    """
    return mean + exploration * math.sqrt(math.log(parent_visits) / visits)


class Strategy(Base):
    """A trial's children are the changes made of it; its value, the mean score of its subtree.

    Scores are taken as shares of the way from the lowest to the highest so far.

    From the start, the child with the highest bound is followed down to the first trial with fewer
    than ``children`` children, which is changed. Trials of the same batch count as visits without a
    score, so that they spread [RECON].
    """

    paper = "FML-bench, 2605.17373"
    settings_class = UCTSettings

    def propose(self, space, trials, count, rng, left):
        """Changes of ``count`` trials, each chosen by a descent of its own."""
        tree, tried = _Tree(trials, self.settings), [trial.point for trial in trials]
        proposals = []
        for _ in range(count):
            parent = tree.selected()
            point = tree.points[parent]
            proposals.append(changed(space, parent, point, tried, rng, self.settings))
            tried.append(proposals[-1].point)
            tree.expect(parent)
        return proposals


class _Tree:
    def __init__(self, trials, settings):
        self._settings = settings
        self.points = {trial.number: trial.point for trial in trials}
        self._parents = {trial.number: trial.parent for trial in trials}
        self._root = trials[0].number
        self._children = defaultdict(list)
        self._awaited = defaultdict(int)
        self._visits, self._scores = defaultdict(int), defaultdict(list)
        low = min(trial.score for trial in trials)
        spread = max(trial.score for trial in trials) - low
        for trial in trials:
            if trial.parent is not None:
                self._children[trial.parent].append(trial.number)
            for number in self._up(trial.number):
                self._visits[number] += 1
                self._scores[number].append((trial.score - low) / spread if spread else 0.0)

    def selected(self):
        """The number of the trial to change next."""
        number = self._root
        while len(self._children[number]) + self._awaited[number] >= self._settings.children:
            scored = self._children[number]
            if not scored:
                break
            bounds = {child: self._bound(child, number) for child in scored}
            number = max(bounds, key=bounds.get)
        return number

    def expect(self, parent):
        """Count a child whose score is not known yet."""
        self._awaited[parent] += 1
        for number in self._up(parent):
            self._visits[number] += 1

    def _bound(self, child, parent):
        scores, c = self._scores[child], self._settings.exploration
        value = max(scores) if self._settings.value == "best" else fmean(scores)
        return bound(value, self._visits[child], self._visits[parent], c)

    def _up(self, number):
        while number is not None:
            yield number
            number = self._parents[number]
