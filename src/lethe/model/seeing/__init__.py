"""Families of models that see, one file each: how transformers' image-text models read pictures.

A file is called as transformers calls the family (``model_type`` in config.json) and has a class
``Family``, a ``lethe.model.seeing.base.Family``. It says how the image processor's output becomes
inputs of the language model, and what a text has in the place of a picture; all else is the same
for every model that sees (``lethe.model.sight``). Importing it must not import torch.
"""

from lethe.common.registry import Registry

FAMILIES = Registry(__name__, "family of models that see")
# What config.json calls them.
TYPES = tuple(FAMILIES.names())


def family(model_type: str):
    """The family of a ``model_type`` of ``TYPES``."""
    return FAMILIES.load(model_type).Family()
