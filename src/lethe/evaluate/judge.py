"""Whether an answer states the true one, by a user's own causal language model as the judge.

The judge is a folder in transformers' format whose tokenizer has a chat template; it is read from
disk alone. It is asked to say yes or no, and its verdict is the probability of "yes" among the two,
from the likelihood of both words after the question (no text is generated). leak@k's paper (arXiv
2511.04934) has a model judge as well; our wording is our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.model import checkpoint, token_mixing
from lethe.model.encoder import Encoder
from lethe.model.likelihood import mean_losses

HEADS = ("ForCausalLM", "LMHeadModel")
REMEDY = "name a folder of a causal language model with a chat template"
QUESTION = (
    "Question: {question}\nTrue answer: {answer}\nGiven answer: {given}\n"
    "Does the given answer state what the true answer states? Say yes or no."
)
WORDS = ("yes", "no")


@dataclass(frozen=True)
class Judge:
    """A loaded judge."""

    path: str
    model: Any
    encoder: Encoder


def check(path: str) -> None:
    """LetheError if a folder holds no causal language model; reads its config.json alone."""
    file = Path(path) / "config.json"
    if not file.is_file():
        raise LetheError(f"judge: {path}: no config.json; {REMEDY}")
    config = read_json(file, GIVEN)
    heads = config.get("architectures") if isinstance(config, dict) else None
    heads = [str(head) for head in heads] if isinstance(heads, list) else []
    if not any(head.endswith(HEADS) for head in heads):
        what = ", ".join(heads) or "a model without architectures"
        raise LetheError(f"judge: {path}: {what} is not a causal language model; {REMEDY}")


def load(path: str) -> Judge:
    """The judge of a folder, on the CPU. LetheError for one that cannot be loaded or asked."""
    check(path)
    try:
        model, tokenizer = checkpoint.load(path, template="chat")
    except LetheError as error:
        raise LetheError(f"judge: {error}") from error
    return Judge(path, model, Encoder(tokenizer, "chat", max_length=1 << 20))


def probabilities(
    judge: Judge, triples: Sequence[tuple[str, str, str]], device, budget: int | None = None
) -> list[float]:
    """The probability in [0, 1] of "yes" to each (question, true answer, given answer).

    A triple that recurs is judged once. ``budget``: tokens of a batch. LetheError for a text that
    is longer than the judge reads.
    """
    distinct = list(dict.fromkeys(triples))
    texts = [QUESTION.format(question=q, answer=a, given=g) for q, a, g in distinct]
    pairs = [(text, word) for text in texts for word in WORDS]
    examples = [
        example.without_end(judge.encoder.end) for example in judge.encoder.encode_all(pairs)
    ]
    model = judge.model.to(device)
    lengths = [len(example) for example in examples]
    token_mixing.check_lengths(model, lengths, "a judge's question", "name a judge of longer texts")
    means = mean_losses(model, examples, budget)
    sums = [mean * one.answer_tokens for mean, one in zip(means, examples, strict=True)]
    known = {
        triple: 1 / (1 + exp(min(yes - no, 700.0)))
        for triple, yes, no in zip(distinct, sums[::2], sums[1::2], strict=True)
    }
    return [known[triple] for triple in triples]
