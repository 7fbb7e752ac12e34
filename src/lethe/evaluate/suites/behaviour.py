"""The given share of a behaviour, and the rest of it, asked as TOFU's sets are.

For splits that give methods only a share of what should go (arXiv 2604.07962).
"""

from lethe.evaluate.suites import tofu

SETS = {"given": "forget_perturbed", "rest": "rest_perturbed"}
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
PROBE = True
# If all of a behaviour is given, the rest is empty.
OPTIONAL = ("rest",)

# They are asked and recorded as TOFU's own sets are.
check, prepare, record = tofu.check, tofu.prepare, tofu.record
