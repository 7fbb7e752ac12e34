"""The model before it learned the forget set."""

from lethe.unlearn import need


class Need(need.Need):
    """A checkpoint from before the forget set was learned."""

    source = need.BaseCheckpoint(role="prior", setting="prior")

    def fill(self, data, value):
        data.prior = value
