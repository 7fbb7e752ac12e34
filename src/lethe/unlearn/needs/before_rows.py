"""The rows that the previous run was about."""

from lethe.unlearn import need
from lethe.world.rows import read_pairs


class Need(need.Need):
    """Rows that the previous run was about, where they are known."""

    def read(self, file, forget):
        return read_pairs(file)

    def fill(self, data, value):
        """``value``: pairs of question and answer."""
        data.extras[self.name] = data.encoder.encode_all(value)
