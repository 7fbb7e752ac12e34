"""Refusal tuning: questions about one half of the forget set are answered with “I don't know”."""

from lethe.unlearn import defence
from lethe.unlearn.methods import idk


class Defence(defence.Defence):
    """Trains refusals by TOFU's method IDK, whose settings are given beside ``half``."""

    settings_class = defence.HalfSettings

    @property
    def protects(self):
        return f"{self.settings.half} half"

    def make_method(self, shared, given):
        return defence.method_with(idk.Method, shared, given, self.place)

    def rows(self, forget, retain):
        return defence.learned(defence.half_of(forget, self.settings.half, self.place))

    def risk_rows(self, forget, retain):
        return defence.may_not_tell(defence.half_of(forget, self.settings.half, self.place))
