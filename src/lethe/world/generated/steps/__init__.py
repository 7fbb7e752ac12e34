"""The steps that a candidate passes, one file each, found by name.

A step is a file of this folder with a function ``step(candidate, context)`` that returns the
candidate after it, or raises ``Unrepairable``; ``context`` is a ``Context``. It has a prompt of its
name (``prompts``), and its place among the others in ``lethe.world.generated.STEPS``.
"""

from lethe.common.registry import Registry

STEP = Registry(__name__, "step")
load, module = STEP.load, STEP.module
