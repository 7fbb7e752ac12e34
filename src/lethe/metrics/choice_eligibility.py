"""Whether a model's choices by letter may be called knowledge: the gate of ULBench.

Meant for the model before unlearning (arXiv 2604.03114): at least 50 questions; accuracy 0.60 by
letters; 0.50 of short answers right, here of own answers with ROUGE-L recall 0.5; 0.20 above each
control; 0.50 with other wordings, and at most 0.15 between wordings. No confidence interval is
required.
"""

from lethe.evaluate.choices import CONTROLS
from lethe.metrics.base import CheckpointValues, Inputs, aligned, value_of

RECORDS = False
NEEDS = ("choice_letters", "rouge")
FEWEST, ACCURACY, SHORT, GAP, VARIANT, SPREAD = 50, 0.60, 0.50, 0.20, 0.50, 0.15
ROUGE = 0.5
PARAPHRASED = "forget_paraphrased"


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``eligible``, 1 or 0, and each number that decides it, for the forget set."""
    letters, rouge = (inputs.needs[name] for name in NEEDS)
    return [_scored(letters, *pair) for pair in aligned((letters, rouge))]


def _scored(file, letters: CheckpointValues, rouge: CheckpointValues) -> CheckpointValues:
    plain = value_of(file, letters, "forget")
    controls = [value_of(file, letters, f"forget_{name}") for name in CONTROLS]
    variants = [plain, letters.values.get(PARAPHRASED, plain)]
    recalls = rouge.items["forget"]
    values = {
        "items": float(len(letters.items["forget"])),
        "accuracy": plain,
        "short_answers": sum(recall >= ROUGE for recall in recalls) / len(recalls),
        "gap": plain - max(controls),
        "lowest_variant": min(variants),
        "spread": max(variants) - min(variants),
    }
    values["eligible"] = float(_eligible(values))
    return CheckpointValues(letters.epoch, letters.step, values)


def _eligible(values: dict[str, float]) -> bool:
    least = {
        "items": FEWEST,
        "accuracy": ACCURACY,
        "short_answers": SHORT,
        "gap": GAP,
        "lowest_variant": VARIANT,
    }
    reached = all(values[name] >= number for name, number in least.items())
    return reached and values["spread"] <= SPREAD
