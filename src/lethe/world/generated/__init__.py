"""Fictitious authors from a language model, stage by stage.

lists -> draws -> profiles -> pairs -> paraphrases -> perturbations. What a candidate passes are
plug-ins (``steps``); ``stages`` runs one over all candidates, and the provider ``generated``
reads what the last one left. Every answer goes through a journal (``lethe.llm``), so running a
stage again asks only for what was never asked.
"""

# In their order; a candidate passes through those from "profiles" on.
STAGES = ("lists", "draws", "profiles", "pairs", "paraphrases", "perturbations")
STEPS = STAGES[2:]
