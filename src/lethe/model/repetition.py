"""Finishes greedy answers that repeat themselves by one pass in place of one step for each token.

A collapsed model says the same few tokens until the limit. Once all unfinished answers of a batch
repeat, each is assumed to go on so up to its limit, and one pass over the whole texts finds out how
far the model agrees at every place. That is as sure as a step for each token: only tokens that are
the likeliest after all those before them are kept (the check of speculative decoding, arXiv
2211.17192, with a draft that costs nothing). Sums are rounded differently in a pass than in steps,
as they are in batches of other sizes; so only float32 is read ahead, where two tokens as good as
equal are rare.
"""

from collections.abc import Sequence

import torch

from lethe.model import attached
from lethe.model.encoder import Example
from lethe.model.intervention import carried_by
from lethe.model.likelihood import Likelihood

# Tokens in a row that equal those a period before, at the least, by measurement
# (docs/benchmarks.md). An answer that stopped repeating must show twice as many the next time.
SPAN = 12
# Answers are looked at when their length is a multiple of this.
EVERY = 4


def suits(model) -> bool:
    """Whether greedy answers of a model are read ahead: on a processor, in float32.

    On a GPU steps come from recordings with rows in fixed places. Interventions may act on where a
    prompt ends, pictures stand in prompts, and the processes that share a model's shards must make
    the same passes.
    """
    state = attached.model_state(model)
    plain = state.sight is None and state.process_group is None and not carried_by(model)
    return plain and model.device.type == "cpu" and model.dtype == torch.float32


def period(answer: Sequence[int], span: int = SPAN) -> int:
    """After how many tokens the end of an answer repeats; 0 if it does not, or is not looked at.

    At least ``span`` tokens, and a whole period, must each equal the one a period before.
    """
    if len(answer) % EVERY or len(answer) <= span:
        return 0
    last = answer[-1]
    for length in range(1, len(answer) // 2 + 1):
        same = max(span, length)
        if same + length > len(answer):
            return 0
        if answer[-1 - length] == last and answer[-same:] == answer[-same - length : -length]:
            return length
    return 0


def all_repeat(answers: Sequence[Sequence[int]], span: int = SPAN) -> bool:
    """Whether every unfinished answer of a batch repeats.

    As long as one does not, its steps are needed, and those of others cost little beside it; an
    answer that must go on by steps after all would then need steps of its own.
    """
    return all(period(answer, span) for answer in answers)


def agreed(
    model,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    periods: Sequence[int],
    limits: Sequence[int],
) -> list[list[int]]:
    """The next tokens of each answer, as long as they repeat with its period.

    None of them is another than the likeliest. ``limits``: tokens of prompt and answer.
    """
    drafts = [
        (list(answer[-length:]) * limit)[: limit - len(prompt) - len(answer)]
        for prompt, answer, length, limit in zip(prompts, answers, periods, limits, strict=True)
    ]
    examples = [
        Example((*prompt, *answer, *draft), len(prompt))
        for prompt, answer, draft in zip(prompts, answers, drafts, strict=True)
    ]
    own = Likelihood(examples, range(len(examples)))(model).own
    return [
        draft[: max(0, count - len(answer))]
        for draft, answer, count in zip(drafts, answers, own, strict=True)
    ]
