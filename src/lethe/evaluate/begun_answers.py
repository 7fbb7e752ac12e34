"""Greedy answers after prompts of a benchmark's own wording, some of them begun for the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from lethe.evaluate.suite import Limits
from lethe.model import token_mixing
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy


@dataclass(frozen=True)
class Asked:
    """What a model is asked, and the text with which its answer begins; empty: it begins itself."""

    prompt: str
    begun: str = ""


def token_lists(encoder: Encoder, asked: Sequence[Asked]) -> list[list[int]]:
    """The tokens after which the model writes, for each."""
    return [
        encoder.begun_ids(one.prompt, one.begun) if one.begun else encoder.prompt_ids(one.prompt)
        for one in asked
    ]


def written(
    model, encoder: Encoder, asked: Sequence[Asked], ids: Sequence[list[int]], limits: Limits
) -> list[str]:
    """The greedy continuations, of at most ``limits.max_new_tokens`` tokens.

    The prompts do not count towards ``limits.max_length``; LetheError if the model has fewer
    positions than a prompt and its answer need.
    """
    most = limits.max_new_tokens
    lengths = [len(prompt) + most for prompt in ids]
    remedy = "leave out the metric that asks it"
    token_mixing.check_lengths(model, lengths, "a prompt with its answer", remedy)
    answers = greedy(model, list(ids), lengths, encoder.end, max_new_tokens=most)
    return encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
