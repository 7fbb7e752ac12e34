"""Tree-structured Parzen estimators: draw where good trials lie close and others do not."""

import math
from functools import partial

from pydantic import Field

from lethe.pipeline.search_points import Point
from lethe.pipeline.strategy import Proposal, StrategySettings, ranked, untried
from lethe.pipeline.strategy import Strategy as Base


class TPESettings(StrategySettings):
    """``good``: the share of trials that count as good; ``startup``: trials before any is modelled.

    ``candidates``: draws among which the one with the best ratio is proposed; ``width``: the
    smallest standard deviation of a kernel.
    """

    good: float = Field(0.25, gt=0, lt=1)
    startup: int = Field(8, ge=1)
    candidates: int = Field(24, ge=1)
    width: float = Field(0.1, gt=0, le=1)


class Strategy(Base):
    """Bergstra et al., Algorithms for hyper-parameter optimization, 2011, section 4.

    The method is drawn by its share of the good trials, then each dimension by itself from a
    mixture of a uniform part and a normal kernel at each good trial of that method; of the draws
    that with the highest ratio of the good to the other trials' densities is proposed. The kernels'
    width falls as a fifth root of their number (Silverman), where the paper takes neighbours'
    distances [RECON].
    """

    paper = "Bergstra et al., NeurIPS 2011"
    settings_class = TPESettings

    def propose(self, space, trials, count, rng, left):
        """Draws from the model of all trials; before ``startup``, from the whole space."""
        s, tried = self.settings, [trial.point for trial in trials]
        sides = None
        if len(trials) >= s.startup:
            order, top = ranked(trials), max(1, math.ceil(s.good * len(trials)))
            sides = [[t.point for t in part] for part in (order[:top], order[top:])]
        proposals = []
        for _ in range(count):
            make = partial(self._modelled, space, sides) if sides else space.drawn
            point = untried(partial(make, rng), tried)
            tried.append(point)
            proposals.append(Proposal(point))
        return proposals

    def _modelled(self, space, sides, rng):
        good, rest = sides
        drawn = []
        for _ in range(self.settings.candidates):
            method = self._method(space, good, rng)
            point = Point(method, self._shares(space, method, good, rng))
            ratio = self._log_density(space, good, point) - self._log_density(space, rest, point)
            drawn.append((ratio, len(drawn), point))
        return max(drawn)[2]

    def _method(self, space, good, rng):
        weights = [1 + sum(point.method == method for point in good) for method in space.methods]
        return rng.choices(space.methods, weights)[0]

    def _shares(self, space, method, good, rng):
        kernels, shares = [point for point in good if point.method == method], {}
        for name, dimension in space.dimensions[method].items():
            # One part of the mixture is uniform over the whole range.
            number = rng.randrange(len(kernels) + 1)
            if number == len(kernels):
                shares[name] = dimension.drawn(rng)
            elif dimension.options:
                shares[name] = space.share(kernels[number], name)
            else:
                centre = space.share(kernels[number], name)
                shares[name] = dimension.near(centre, rng, self._width(len(kernels)))
        return shares

    def _log_density(self, space, points, point):
        own = [other for other in points if other.method == point.method]
        total = math.log((1 + len(own)) / (len(space.methods) + len(points)))
        for name, dimension in space.dimensions[point.method].items():
            share, width = space.share(point, name), self._width(len(own))
            parts = [_kernel(dimension, share, space.share(o, name), width) for o in own]
            uniform = 1 / dimension.options if dimension.options else 1.0
            total += math.log((uniform + sum(parts)) / (len(parts) + 1))
        return total

    def _width(self, kernels):
        return max(self.settings.width, 0.3 * max(1, kernels) ** -0.2)


def _kernel(dimension, share, centre, width):
    """The density at a share of a kernel at another, as ``Dimension.near`` draws from it."""
    if dimension.options:
        return float(dimension.index(share) == dimension.index(centre))
    # The normal density with its reflections at both ends.
    away = (share - centre, share + centre, 2 - share - centre)
    return sum(math.exp(-0.5 * (d / width) ** 2) for d in away) / (width * math.sqrt(2 * math.pi))
