"""Rows of the retain set."""

from lethe.unlearn import need
from lethe.world.rows import read_pairs


class Need(need.Need):
    """Rows of the retain set, one for each forget row of a batch."""

    source = need.SplitFile("retain")

    def read(self, file, forget):
        return read_pairs(file)

    def fill(self, data, value):
        data.retain, data.retain_pairs = data.encoder.encode_all(value), value
