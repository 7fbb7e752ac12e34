"""The model before unlearning."""

from lethe.unlearn import need


class Need(need.Need):
    """A frozen copy of the model before unlearning, which doubles the memory."""
