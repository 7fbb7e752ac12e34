"""Questions of multiple choice as MMLU's authors put them (arXiv 2009.03300), without a template:

The following are multiple choice questions (with answers) about SUBJECT.

QUESTION
A. FIRST
...
Answer:

WMDP is asked in the same way (task ``wmdp`` of lm-evaluation-harness).
"""

from collections.abc import Sequence
from string import ascii_uppercase

from lethe.model.encoder import Encoder, Example, token_ids


def prompt(question: str, options: Sequence[str], subject: str = "") -> str:
    """What comes before the letter; MMLU writes subjects with underscores."""
    lines = [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, options, strict=False)]
    about = f" about {subject.replace('_', ' ')}" if subject else ""
    start = f"The following are multiple choice questions (with answers){about}."
    return "\n".join([start, "", question, *lines, "Answer:"])


def examples(encoder: Encoder, text: str, letters: Sequence[str]) -> list[Example]:
    """A text with each letter after it; their labels are the tokens that they do not share."""
    every = token_ids(encoder.tokenizer, [f"{text} {letter}" for letter in letters], special=True)
    # A tokenizer may end every text with its end token.
    every = [ids[:-1] if ids[-1] == encoder.end else ids for ids in every]
    start = 0
    while len({tuple(ids[: start + 1]) for ids in every}) == 1:
        start += 1
    return [Example(tuple(ids), start) for ids in every]
