"""The model before the previous run."""

from lethe.unlearn import need


class Need(need.Need):
    """The checkpoint that the previous run started from."""

    source = need.PreviousStart()

    def fill(self, data, value):
        data.before = value
