"""Who is whose relative: the targets, and all facts from which they may follow (EDU-RELAT)."""

from lethe.evaluate.suites import tofu

SETS = {"targets": "forget_perturbed", "family": "family_perturbed"}
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
PROBE = True
# Whether a fact follows depends on all the others.
WHOLE = True
check, prepare, record = tofu.check, tofu.prepare, tofu.record
