"""TOFU's suite: losses of all answers and a greedy generation, on its four sets.

For every question the suite records the losses of the true answer, of its paraphrase (forget and
retain only) and of the wrong answers, and the model's own answer (arXiv 2401.06121, section 2.2).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder, Example
from lethe.model.generate import greedy
from lethe.model.intervention import carried_by
from lethe.model.likelihood import Likelihood

SETS = {
    "forget": "forget_perturbed",
    "retain": "retain_perturbed",
    "real_authors": "real_authors_perturbed",
    "world_facts": "world_facts_perturbed",
}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
# Their right answers have no paraphrase; for authors the paraphrase is compared.
TRUE_FACTS = ("real_authors", "world_facts")


@dataclass(frozen=True)
class Probe:
    """One question with all answers whose likelihoods are recorded."""

    question: str
    answer: str
    paraphrase: str | None
    perturbed: tuple[str, ...]

    def answers(self) -> list[str]:
        """Answer, paraphrase if there is one, then the perturbed answers."""
        return [a for a in (self.answer, self.paraphrase, *self.perturbed) if a is not None]


@dataclass(frozen=True)
class Prepared:
    """The probes of all sets, tokenised: all answers as ``examples``, questions as ``prompts``."""

    probes: dict[str, list[Probe]]
    examples: list[Example]
    prompts: list[list[int]]
    encoder: Encoder

    @property
    def everything(self) -> list[Probe]:
        """The probes of all sets, in the order of examples and prompts."""
        return [probe for some in self.probes.values() for probe in some]

    @property
    def true(self) -> list[int]:
        """Indices of the true answers among the examples, in the order of the probes."""
        counts = [len(probe.answers()) for probe in self.everything]
        return [0, *accumulate(counts[:-1])]

    @cached_property
    def likelihood(self) -> Likelihood:
        """Likelihoods of all answers; the true ones are compared with the model's own choice."""
        return Likelihood(self.examples, self.true)


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without a text that the suite needs."""
    for name, some in rows.items():
        _probes(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every answer of every row; LetheError names the first row without one."""
    probes = {name: _probes(name, some) for name, some in rows.items()}
    everything = [probe for some in probes.values() for probe in some]
    pairs = [(probe.question, answer) for probe in everything for answer in probe.answers()]
    examples = encoder.encode_all(pairs)
    prompts = [encoder.prompt_ids(probe.question) for probe in everything]
    return Prepared(probes, examples, prompts, encoder)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """Losses and generations of all probes under one model."""
    likelihoods = prepared.likelihood(model, limits.token_budget)
    losses = iter(likelihoods.loss)
    errors = None if likelihoods.error is None else iter(likelihoods.error)
    tokens = iter(example.answer_tokens for example in prepared.examples)
    # An intervention may act differently where a prompt ends elsewhere.
    begun = None if carried_by(model) else beginnings(prepared, likelihoods.own)
    said = iter(_generations(model, prepared, limits, begun))
    return {
        name: _item_set(probes, losses, tokens, said, errors)
        for name, probes in prepared.probes.items()
    }


def _probes(name: str, rows: Sequence[dict]) -> list[Probe]:
    paraphrased = name not in TRUE_FACTS
    return [
        Probe(
            row["question"],
            row["answer"],
            text_of(row, "paraphrased_answer", place) if paraphrased else None,
            tuple(text_of(row, "perturbed_answer", place)),
        )
        for row, place in zip(rows, places(name, rows), strict=True)
    ]


def beginnings(prepared: Prepared, own: Sequence[int]) -> list[tuple[int, ...]]:
    """The leading tokens of each true answer that the model would choose, often all of them.

    ``own`` as in ``Likelihoods``.
    """
    begun = []
    for place, prompt in zip(prepared.true, prepared.prompts, strict=True):
        example, count = prepared.examples[place], own[place]
        # In some templates the prompt's end merges into the answer's first token.
        alone = example.ids[: example.start] == tuple(prompt)
        begun.append(example.ids[example.start :][:count] if alone else ())
    return begun


def _generations(model, prepared: Prepared, limits: Limits, begun) -> list[str]:
    encoder = prepared.encoder
    answers = greedy(
        model,
        prepared.prompts,
        [encoder.room(probe.question, limits.max_length) for probe in prepared.everything],
        encoder.end,
        max_new_tokens=limits.max_new_tokens,
        begun=begun,
    )
    texts = encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [text.strip() for text in texts]


def _item_set(
    probes: list[Probe],
    losses: Iterator[float],
    tokens: Iterator[int],
    said: Iterator[str],
    errors: Iterator[float] | None,
) -> ItemSet:
    """Arrange the flat values of a set's answers in columns."""
    loss = [[next(losses) for _ in probe.answers()] for probe in probes]
    count = [[next(tokens) for _ in probe.answers()] for probe in probes]
    error = errors and [[next(errors) for _ in probe.answers()] for probe in probes]
    paraphrased = probes[0].paraphrase is not None
    first = 2 if paraphrased else 1
    return ItemSet(
        question=[probe.question for probe in probes],
        answer=[probe.answer for probe in probes],
        generation=[next(said) for _ in probes],
        wrong_answer=[probe.perturbed[0] for probe in probes],
        answer_loss=np.array([row[0] for row in loss]),
        answer_tokens=np.array([row[0] for row in count]),
        paraphrase_loss=np.array([row[1] for row in loss]) if paraphrased else None,
        paraphrase_tokens=np.array([row[1] for row in count]) if paraphrased else None,
        perturbed_loss=nested([row[first:] for row in loss]),
        perturbed_tokens=nested([row[first:] for row in count]),
        loss_error=error and nested(error),
    )
