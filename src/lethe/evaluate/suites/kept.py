"""Facts that must stay about authors whose other facts are to be forgotten, asked as TOFU's sets.

For splits that forget some facts of an author (PPU-Bench, arXiv 2605.08800).
"""

from lethe.evaluate.suites import tofu

SETS = {"kept": "kept_perturbed"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
PROBE = True
# They are asked and recorded as TOFU's own sets are.
check, prepare, record = tofu.check, tofu.prepare, tofu.record
