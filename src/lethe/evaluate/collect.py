"""Recording what checkpoints answer: losses of all answers and greedy generations, by item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.evaluate.generate import greedy
from lethe.evaluate.likelihood import mean_losses
from lethe.evaluate.suite import Probe
from lethe.records import Checkpoint, ItemSet
from lethe.text import Encoder, Example


@dataclass
class Prepared:
    """The probes of all sets, tokenised once for every checkpoint of a run."""

    probes: dict[str, list[Probe]]
    examples: list[Example]
    prompts: list[list[int]]


def prepare(encoder: Encoder, probes: Mapping[str, Sequence[Probe]]) -> Prepared:
    """Tokenise every answer of every probe, sets in order."""
    everything = [probe for items in probes.values() for probe in items]
    pairs = [(probe.question, answer) for probe in everything for answer in probe.answers()]
    prompts = [encoder.prompt_ids(probe.question) for probe in everything]
    return Prepared({k: list(v) for k, v in probes.items()}, encoder.encode_all(pairs), prompts)


def collect(
    model, encoder: Encoder, prepared: Prepared, epoch: int, step: int, token_budget: int = 4096
) -> Checkpoint:
    """Evaluate one checkpoint on all probes; the encoder's ``max_length`` limits generation too."""
    losses = mean_losses(model, prepared.examples, token_budget)
    generated = greedy(model, prepared.prompts, encoder.max_length, encoder.end)
    texts = encoder.tokenizer.batch_decode(generated, skip_special_tokens=True)
    tokens = [example.answer_tokens for example in prepared.examples]
    sets, answer, probe = {}, 0, 0
    for name, probes in prepared.probes.items():
        count = sum(len(item.answers()) for item in probes)
        part = slice(answer, answer + count)
        said = [text.strip() for text in texts[probe : probe + len(probes)]]
        sets[name] = _item_set(probes, losses[part], tokens[part], said)
        answer, probe = answer + count, probe + len(probes)
    return Checkpoint(epoch, step, sets)


def _item_set(probes: list[Probe], losses: list[float], tokens: list[int], said) -> ItemSet:
    """Cut the flat values of a set's answers into columns."""
    columns: dict[str, list] = {"loss": [], "tokens": []}
    for name, flat in (("loss", losses), ("tokens", tokens)):
        values = iter(flat)
        columns[name] = [[next(values) for _ in probe.answers()] for probe in probes]
    paraphrased = probes[0].paraphrase is not None
    first = 2 if paraphrased else 1

    def column(name: str, place: int) -> np.ndarray:
        return np.array([row[place] for row in columns[name]])

    return ItemSet(
        question=[probe.question for probe in probes],
        answer=[probe.answer for probe in probes],
        generation=said,
        answer_loss=column("loss", 0),
        answer_tokens=column("tokens", 0),
        paraphrase_loss=column("loss", 1) if paraphrased else None,
        paraphrase_tokens=column("tokens", 1) if paraphrased else None,
        perturbed_loss=_nested([row[first:] for row in columns["loss"]]),
        perturbed_tokens=_nested([row[first:] for row in columns["tokens"]]),
    )


def _nested(rows: list[list]) -> np.ndarray | list[np.ndarray]:
    """[n, k] where every item has k values, else n arrays."""
    if len({len(row) for row in rows}) == 1:
        return np.array(rows)
    return [np.array(row) for row in rows]
