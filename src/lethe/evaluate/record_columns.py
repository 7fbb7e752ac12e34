"""The columns of records: which values are allowed, and which columns must have equal lengths."""

from typing import Any

import numpy as np

# A mean negative log-likelihood falls below zero only by rounding.
ROUNDING = 1e-4

SAME_SHAPE = {
    "perturbed_loss": ("perturbed_tokens",),
    "token_logprob": ("token_match", "token_zscore"),
    "sample": ("sample_entailment",),
    "prompt": (
        "prompt_generation",
        "prompt_text",
        "prompt_answer",
        "prompt_score",
        "prompt_loss",
    ),
    "option_loss": ("option_tokens",),
    "word": ("word_attribution",),
    "language": (
        "language_role",
        "language_question",
        "language_answer",
        "language_loss",
        "language_tokens",
        "language_paraphrase_loss",
    ),
}


def text_fault(value: Any) -> str | None:
    return None if isinstance(value, str) else "not text"


def number_fault(value: Any) -> str | None:
    # type(), not isinstance(): true and false are not numbers here.
    if type(value) not in (int, float):
        return "not a number"
    return None if np.isfinite(value) else "not finite"


def loss_fault(value: Any) -> str | None:
    return number_fault(value) or ("negative" if value < -ROUNDING else None)


def logprob_fault(value: Any) -> str | None:
    return number_fault(value) or ("above zero" if value > ROUNDING else None)


def share_fault(value: Any) -> str | None:
    return number_fault(value) or (None if 0 <= value <= 1 else "outside [0, 1]")


def count_fault(value: Any) -> str | None:
    return None if type(value) is int and value > 0 else "not a positive whole number"


def flag_fault(value: Any) -> str | None:
    return None if type(value) is int and value in (0, 1) else "neither 0 nor 1"


# The check of a column's values, and whether an item has several values.
COLUMNS = {
    "question": (text_fault, False),
    "answer": (text_fault, False),
    "generation": (text_fault, False),
    "wrong_answer": (text_fault, False),
    "answer_loss": (loss_fault, False),
    "answer_tokens": (count_fault, False),
    "paraphrase_loss": (loss_fault, False),
    "paraphrase_tokens": (count_fault, False),
    "perturbed_loss": (loss_fault, True),
    "perturbed_tokens": (count_fault, True),
    "loss_error": (loss_fault, True),
    "token_logprob": (logprob_fault, True),
    "token_match": (flag_fault, True),
    "token_zscore": (number_fault, True),
    "gradient_norm": (loss_fault, False),
    "gradient_cosine": (number_fault, False),
    "gradient_length": (loss_fault, False),
    "sample": (text_fault, True),
    "sample_entailment": (share_fault, True),
    "sample_control": (share_fault, True),
    "option": (text_fault, True),
    "prompt": (text_fault, True),
    "prompt_generation": (text_fault, True),
    "prompt_text": (text_fault, True),
    "prompt_answer": (text_fault, True),
    "prompt_score": (share_fault, True),
    "prompt_loss": (loss_fault, True),
    "option_loss": (loss_fault, True),
    "option_tokens": (count_fault, True),
    "entity": (text_fault, False),
    "trace": (text_fault, False),
    "layer_delta": (number_fault, True),
    "state_distance": (loss_fault, False),
    "divergence": (loss_fault, False),
    "weight_distance": (loss_fault, False),
    "confidence": (share_fault, False),
    "entropy": (loss_fault, False),
    "margin": (share_fault, False),
    "label": (text_fault, False),
    "predicted": (text_fault, False),
    "word": (text_fault, True),
    "word_attribution": (number_fault, True),
    "attributed": (number_fault, True),
    "language": (text_fault, True),
    "language_role": (text_fault, True),
    "language_question": (text_fault, True),
    "language_answer": (text_fault, True),
    "language_loss": (loss_fault, True),
    "language_tokens": (count_fault, True),
    "language_paraphrase_loss": (loss_fault, True),
    "language_wrong_loss": (loss_fault, True),
    "request": (count_fault, False),
    "modality": (text_fault, False),
    "task": (text_fault, False),
    "form": (text_fault, False),
    "text_loss": (loss_fault, False),
    "minimal_set": (text_fault, True),
}
WHOLE = (count_fault, flag_fault)
