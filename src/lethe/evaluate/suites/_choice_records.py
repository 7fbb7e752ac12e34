"""What all suites of multiple choice record."""

from collections.abc import Iterator, Sequence

from lethe.evaluate.choices import Choice
from lethe.evaluate.records import ItemSet, nested


def item_set(
    asked: Sequence[Choice],
    prompts: Sequence[Sequence[str]],
    losses: Iterator[float],
    tokens: Iterator[int],
    written: list[list[str]] | None = None,
) -> ItemSet:
    """The records of a set's questions.

    ``prompts``: the names of each question's prompts; ``losses`` and ``tokens`` yield a value for
    each option, prompt after prompt; ``written``: the answers in words, by prompt.
    """
    pairs = zip(asked, prompts, strict=True)
    count = [len(choice.options) * len(made) for choice, made in pairs]
    return ItemSet(
        question=[choice.question for choice in asked],
        answer=[choice.answer for choice in asked],
        option=[list(choice.options) for choice in asked],
        prompt=[list(made) for made in prompts],
        prompt_generation=written,
        option_loss=nested([[next(losses) for _ in range(n)] for n in count]),
        option_tokens=nested([[next(tokens) for _ in range(n)] for n in count]),
    )
