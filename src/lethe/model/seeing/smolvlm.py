"""SmolVLM (arXiv 2504.05299): pictures are cut and written as in Idefics3."""

from lethe.model.seeing import idefics3


class Family(idefics3.Family):
    """Its tiles are smaller, as its image processor says."""
