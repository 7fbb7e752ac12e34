"""Multiple choice by letters for questions with pictures, and without the right picture.

For worlds with pictures, and models that know the format (docs/pictures.md). The options are asked
with the right picture, with none and with another person's: the controls of VLM-UnBench (arXiv
2604.03114) for what a model chooses without seeing whom it is about.
"""

from lethe.evaluate.suites import choice_letters

SETS = {
    "text": "forget_by_text",
    "picture": "forget_by_picture",
    "no_picture": "forget_no_picture",
    "other_picture": "forget_other_picture",
    "retain_picture": "retain_by_picture",
}
COLUMNS = ("option", "prompt", "prompt_generation", "option_loss", "option_tokens")
PROBE = True
CHAT = True
# They are asked and recorded as questions of text are.
check, prepare, record = choice_letters.check, choice_letters.prepare, choice_letters.record
