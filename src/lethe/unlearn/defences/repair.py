"""Utility repair: further training on the retain set."""

from lethe.unlearn import defence


class Defence(defence.Defence):
    """Trains the retain rows again; the risk is that the model no longer knows them."""

    protects = "utility"

    def rows(self, forget, retain):
        return defence.learned(retain)

    def risk_rows(self, forget, retain):
        return defence.must_know(retain)
