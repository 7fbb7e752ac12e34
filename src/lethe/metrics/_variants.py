"""Code shared by the metrics of variants: which of a question's variants are answered.

A variant is answered if its answer, or one of its samples, has at least a threshold of the novel
words of the right answer (``lethe.common.novel_words``): those that neither the question nor what
the variant adds to it contains. Variants without a novel word are left out.
"""

from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words, recall
from lethe.metrics.base import Inputs, column_of, items_of, mean

# By kind and item: 1 if the variant is answered, 0 if not, None if it was not put or is left out.
Answered = dict[str, list[float | None]]


def answered(inputs: Inputs, checkpoint, name: str) -> Answered:
    """Whether a set's questions are answered, by kind of variant, in the order of the records."""
    shares = _shares(inputs, checkpoint, name)
    return {kind: [_any(some) for some in items] for kind, items in shares.items()}


def sampled_shares(inputs: Inputs, checkpoint, name: str) -> Answered:
    """The share of each variant's samples that answer it; no kind where none were taken."""
    if items_of(inputs, checkpoint, name).sample is None:
        return {}
    shares = _shares(inputs, checkpoint, name)
    return {
        kind: [None if some is None else mean(some[1:]) for some in items]
        for kind, items in shares.items()
    }


def compared(inputs: Inputs, checkpoint, oracle, name: str) -> Answered:
    """``answered`` of the oracle; LetheError unless both were asked the same questions."""
    own, theirs = checkpoint.sets[name], oracle.sets.get(name)
    alike = theirs is not None and all(
        getattr(own, column) == getattr(theirs, column)
        for column in ("question", "prompt", "prompt_text", "prompt_answer")
    )
    if not alike or _counts(own) != _counts(theirs):
        raise LetheError(
            f"{inputs.records.path}: its {name} questions, their variants or samples are not those "
            f"of the oracle {inputs.oracle_records.path}; ask both in the same way"
        )
    return answered(inputs, oracle, name)


def _counts(items) -> list[int] | None:
    return None if items.sample is None else list(map(len, items.sample))


def _any(flags: list[bool] | None) -> float | None:
    return None if flags is None else float(any(flags))


def _shares(inputs: Inputs, checkpoint, name: str) -> dict[str, list[list[bool] | None]]:
    """By kind, for each item whether its answer and each of its samples answers; None as above."""
    prompts = column_of(inputs, checkpoint, name, "prompt")
    table: dict[str, list] = {kind: [None] * len(prompts) for row in prompts for kind in row}
    for item, asked in enumerate(_asked(inputs, checkpoint, name)):
        for kind, shown, right, texts in asked:
            novel = novel_words(shown, right)
            if novel:
                table[kind][item] = [
                    recall(novel, text) >= inputs.settings["threshold"] for text in texts
                ]
    return table


def _asked(inputs: Inputs, checkpoint, name: str):
    """For each item its variants: kind, what was given, the right answer, all answers to it."""
    columns = ("prompt", "prompt_text", "prompt_answer", "prompt_generation")
    rows = [column_of(inputs, checkpoint, name, column) for column in columns]
    samples = items_of(inputs, checkpoint, name).sample or [[]] * len(rows[0])
    for *asked, drawn in zip(*rows, samples, strict=True):
        each = len(drawn) // len(asked[0])
        for_each = [drawn[k * each : (k + 1) * each] for k in range(len(asked[0]))]
        yield [
            (kind, shown, right, [text, *more])
            for kind, shown, right, text, more in zip(*asked, for_each, strict=True)
        ]
