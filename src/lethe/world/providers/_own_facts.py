"""What benchmarks do not bring: true facts and refusals, which are then Lethe's own."""

from lethe.world.providers import synthetic
from lethe.world.schema import Fact


class OwnFacts:
    """A provider without true facts and refusals of its own; ``seed`` is the world's."""

    def __init__(self, seed: int):
        self.seed = seed
        self._own = synthetic.Provider(seed)

    def facts(self) -> dict[str, list[Fact]]:
        """True facts of the synthetic world, which a base made here learns."""
        return self._own.facts()

    def refusals(self) -> list[str]:
        """Lethe's own refusals."""
        return self._own.refusals()
