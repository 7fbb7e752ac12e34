"""Refusals, as TOFU publishes them."""

from lethe.common.errors import LetheError
from lethe.unlearn import need
from lethe.world.rows import read_refusals


class Need(need.AlternateAnswers):
    """Answers such as “I don't know”, any of which may replace any row's own."""

    source = need.WorldFile("idontknow")

    def read(self, file, forget):
        return read_refusals(file)

    def fill(self, data, value):
        if not value:
            raise LetheError("refusals: there are none; give a file with one on each line")
        super().fill(data, [value] * len(data.forget))
