"""The steps that a candidate goes through, one file each, looked up by name.

A step is a file in this folder with a function ``step(candidate, context)`` that returns the
candidate after the step, or raises ``Unrepairable``; ``context`` is a ``Context``. A prompt has the
same name (``prompts``), and ``lethe.world.generated.STEPS`` says in which order steps run.
"""

from lethe.common.registry import Registry

STEP = Registry(__name__, "step")
load, module = STEP.load, STEP.module
