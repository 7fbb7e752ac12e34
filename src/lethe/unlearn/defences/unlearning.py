"""Unlearning one half of the forget set, by any method."""

from lethe.unlearn import defence, methods


class UnlearningSettings(defence.HalfSettings):
    """``half`` of the forget set; ``method``: a file of ``lethe.unlearn.methods``."""

    method: str = "npo"


class Defence(defence.Defence):
    """Unlearns a half; the method's settings are given beside ``half`` and ``method``."""

    settings_class = UnlearningSettings

    @property
    def protects(self):
        return f"{self.settings.half} half"

    def make_method(self, shared, given):
        methods.METHODS.check(self.settings.method, f"{self.place}.method")
        return defence.method_with(methods.load(self.settings.method), shared, given, self.place)

    def rows(self, forget, retain):
        return defence.learned(defence.half_of(forget, self.settings.half, self.place))

    def risk_rows(self, forget, retain):
        return defence.may_not_tell(defence.half_of(forget, self.settings.half, self.place))
