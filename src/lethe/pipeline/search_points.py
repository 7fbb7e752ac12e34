"""What a search chooses from: methods with their dimensions, and points in that space.

A coordinate is a share in [0, 1] of a dimension's range (``lethe.unlearn.search_space``), so that
strategies know neither units nor scales. A coordinate that a point does not have stands for the
configured value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lethe.common.errors import LetheError
from lethe.unlearn.search_space import Choice, Range

# Which field of a point a mutation may change besides the coordinates.
METHOD = "method"
# How often a proposal that was tried before is drawn again.
ATTEMPTS = 50


@dataclass(frozen=True)
class Dimension:
    """The values of one setting, and the configured one."""

    values: Range | Choice
    configured: Any

    @property
    def options(self) -> int | None:
        """How many values there are; None for a range of numbers."""
        return len(self.values.values) if isinstance(self.values, Choice) else None

    @property
    def start(self) -> float:
        """The share of the configured value; the nearest end if it lies outside."""
        return self.values.share(self.configured)

    def at(self, share: float) -> Any:
        """The value at a share."""
        return self.values.at(share, self.configured)

    def drawn(self, rng: Random) -> float:
        """A share, each value as likely as any other."""
        share = rng.random()
        return self._middle(int(share * self.options)) if self.options else share

    def near(self, share: float, rng: Random, width: float) -> float:
        """Another share: of numbers a normal step away, of options any other one.

        ``width``: standard deviation of the step, as a share of the range. A step beyond an end is
        reflected there.
        """
        if self.options is None:
            moved = share + rng.gauss(0, width)
            folded = abs(moved) % 2
            return 2 - folded if folded > 1 else folded
        own = self.index(share)
        others = [number for number in range(self.options) if number != own]
        return self._middle(rng.choice(others)) if others else share

    def index(self, share: float) -> int:
        """The number of the option at a share."""
        return min(int(share * self.options), self.options - 1)

    def _middle(self, number: int) -> float:
        return (number + 0.5) / self.options


@dataclass(frozen=True)
class Point:
    """A method, and a share of each dimension that is not as configured."""

    method: str
    shares: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which ``Point(**values)`` makes it again."""
        return {"method": self.method, "shares": dict(self.shares)}


class Space:
    """The dimensions of each method, by name; the first method is where a search starts."""

    def __init__(self, dimensions: Mapping[str, Mapping[str, Dimension]]):
        empty = [method for method, own in dimensions.items() if not own]
        if not dimensions or (empty and len(dimensions) == 1):
            name = empty[0] if empty else "no method"
            raise LetheError(f"search: {name} has no range to search; leave it out")
        self.dimensions = {method: dict(own) for method, own in dimensions.items()}
        self.methods = [*self.dimensions]

    def start(self) -> Point:
        """The first method, as it is configured."""
        return Point(self.methods[0])

    def settings(self, point: Point) -> dict[str, Any]:
        """The settings of a point that are not as configured."""
        own = self.dimensions[point.method]
        return {name: own[name].at(share) for name, share in point.shares.items()}

    def drawn(self, rng: Random, method: str | None = None) -> Point:
        """Any point of a method; of any method, each as likely as the others."""
        method = method or rng.choice(self.methods)
        own = self.dimensions[method]
        return Point(method, {name: one.drawn(rng) for name, one in own.items()})

    def share(self, point: Point, name: str) -> float:
        """A point's share of a dimension of its method."""
        return point.shares.get(name, self.dimensions[point.method][name].start)

    def moved(self, point: Point, method: str) -> Point:
        """The point under another method: what both have keeps its share."""
        own = self.dimensions[method]
        return Point(method, {name: s for name, s in point.shares.items() if name in own})

    def mutated(self, point: Point, rng: Random, fields: int = 2, width: float = 0.2) -> Point:
        """One to ``fields`` changes of a point, of its method or of its coordinates."""
        named = [*self.dimensions[point.method]]
        if len(self.methods) > 1:
            named.append(METHOD)
        for name in rng.sample(named, min(rng.randint(1, fields), len(named))):
            if name == METHOD:
                others = [method for method in self.methods if method != point.method]
                point = self.moved(point, rng.choice(others))
            elif name in self.dimensions[point.method]:
                dimension = self.dimensions[point.method][name]
                share = dimension.near(self.share(point, name), rng, width)
                point = Point(point.method, {**point.shares, name: share})
        return point

    def crossed(self, first: Point, second: Point, rng: Random) -> Point:
        """The method of one of two points, and each coordinate from either that has it."""
        method = rng.choice((first, second)).method
        parents = [self.moved(point, method) for point in (first, second)]
        chosen = {
            name: rng.choice([parent.shares.get(name) for parent in parents])
            for name in self.dimensions[method]
        }
        return Point(method, {name: s for name, s in chosen.items() if s is not None})

    def distance(self, one: Point, other: Point) -> float:
        """0 to 1: 1 for two methods, else the root mean square of the shares' differences.

        Two options are 0 or 1 apart.
        """
        if one.method != other.method:
            return 1.0
        squares = []
        for name, dimension in self.dimensions[one.method].items():
            a, b = self.share(one, name), self.share(other, name)
            if dimension.options is None:
                squares.append((a - b) ** 2)
            else:
                squares.append(float(dimension.index(a) != dimension.index(b)))
        return (sum(squares) / len(squares)) ** 0.5 if squares else 0.0


def as_plain(space: Space) -> dict[str, Any]:
    """A space as plain values, for a job's parameters."""
    return {
        method: {name: _plain(dimension) for name, dimension in own.items()}
        for method, own in space.dimensions.items()
    }


def _plain(dimension: Dimension) -> dict[str, Any]:
    values = dimension.values
    if isinstance(values, Choice):
        said: dict[str, Any] = {"options": [*values.values]}
    else:
        said = {"low": values.low, "high": values.high, "log": values.log}
        said["relative"] = values.relative
    return said | {"configured": dimension.configured}


def from_plain(said: Mapping[str, Any]) -> Space:
    """The space of ``as_plain``."""
    return Space(
        {
            method: {name: _dimension(one) for name, one in own.items()}
            for method, own in said.items()
        }
    )


def _dimension(said: Mapping[str, Any]) -> Dimension:
    own = dict(said)
    configured = own.pop("configured")
    options = own.pop("options", None)
    return Dimension(Range(**own) if options is None else Choice(tuple(options)), configured)
