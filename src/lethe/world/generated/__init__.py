"""Fictitious authors from a language model, made in stages.

lists -> draws -> profiles -> pairs -> paraphrases -> perturbations. The steps that a candidate goes
through are plug-ins (``steps``); ``stages`` runs a step over all candidates, and the provider
``generated`` reads the file of the last stage. Every answer goes through a journal (``lethe.llm``),
so running a stage again only sends requests that were never answered.
"""

# In order; a candidate goes through those from "profiles" on.
STAGES = ("lists", "draws", "profiles", "pairs", "paraphrases", "perturbations")
STEPS = STAGES[2:]
