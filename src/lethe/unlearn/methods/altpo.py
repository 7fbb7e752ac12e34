"""Alternate preference optimisation: prefer alternative answers that the model makes up (AltPO)."""

from lethe.model.families import CAUSAL
from lethe.unlearn.methods import dpo


class Method(dpo.Method):
    """DPO's loss with alternative answers in place of refusals, and a retain term.

    The model under test proposes them before unlearning (``lethe.unlearn.alternatives``); each
    epoch draws one per row.
    """

    paper = "AltPO, arXiv 2409.13474"
    # The model samples its alternatives.
    families = (CAUSAL,)
    needs = ("reference_nll", "alternatives")
