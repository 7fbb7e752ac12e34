"""A language model as CAP's policy: it writes a prefix for each question and is trained by reward.

The policy π reads a class (questions near the forget set, others) and a question, and writes up to
``length`` tokens. Each iteration draws rows, ``samples`` prefixes for each, and takes ``updates``
steps of Adam down

    -mean min(r A, clip(r) A) + anchor_weight min_j KL(π ‖ π_j),    r = π(prefix) / π_before(prefix)

(Beam-PPO, arXiv 2604.21251), or one step down -mean A log π (``reinforce``). A is a prefix's reward
less the mean of its row's, by their standard deviation; π_j are earlier policies. KL is the
divergence over the vocabulary, summed over a prefix's tokens, a mean over the prefixes drawn. What
the policy reads, A and how KL is estimated are ours [RECON].
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.model import checkpoint, families
from lethe.model.batch import pack
from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.interventions.writer import Writer
from lethe.model.sampling import Sampling, sampled
from lethe.unlearn import prompt_policy
from lethe.unlearn.prefix_rewards import Pairs, Rewards

# Rewards of prefixes, one for each (question, answer, class) -> [rows].
Score = Callable[[Sequence[str], Sequence["Asked"], Sequence[int]], torch.Tensor]
EPSILON = 1e-8


@dataclass(frozen=True)
class Asked:
    """A row that a prefix is written for: ``kind`` 0 near the forget set, 1 elsewhere.

    ``branch``: ``forget`` or ``retain``, whose reward counts.
    """

    question: str
    answer: str
    kind: int
    branch: str


def loaded(source: str | Path, name: str, length: int, device) -> Writer:
    """The policy to be trained from, in float32; LetheError in one line, beginning with ``name``.

    It must be a causal language model with a head, and its tokenizer one that is data alone.
    """
    place = f"{name}.policy: {source}"
    families.check((families.CAUSAL,), families.of_source(source), place, str(source))
    try:
        model, tokenizer = checkpoint.load(source, str(device))
    except LetheError as error:
        raise LetheError(f"{name}.policy: {error}") from None
    tokens = getattr(tokenizer, "backend_tokenizer", None)
    if tokens is None or tokenizer.eos_token_id is None:
        what = "has no tokenizer.json" if tokens is None else "has no token that ends a text"
        raise LetheError(f"{place}: its tokenizer {what}; choose another model")
    own = {p.data_ptr() for p in model.parameters()}
    if any(value.data_ptr() not in own for value in model.state_dict().values()):
        raise LetheError(f"{place}: it keeps values beside its weights; choose another model")
    return Writer(model, copied(tokens), tokenizer.eos_token_id, length)


def copied(tokens):
    """A tokenizer as it will be read back: without truncation or padding."""
    from tokenizers import Tokenizer

    copy_ = Tokenizer.from_str(tokens.to_str())
    copy_.no_truncation()
    copy_.no_padding()
    return copy_


def train(
    writer: Writer,
    rows: Callable[[int], Sequence[Asked]],
    score: Score,
    how: prompt_policy.Search,
    seed: int,
) -> list[float]:
    """Train a policy in place; the mean reward of each iteration. ``rows(iteration)``: its rows."""
    optimiser = torch.optim.Adam(writer.model.parameters(), lr=how.rate)
    anchors, means = [_frozen(writer.model)], []
    for iteration in range(how.iterations):
        asked = rows(iteration)
        examples, texts = _sampled(writer, asked, how.samples, f"{seed}/{iteration}")
        rewards = _rewards(writer, score, asked, texts, examples)
        means.append(rewards.mean().item())
        spread = rewards.std(1, correction=0, keepdim=True) + EPSILON
        advantage = ((rewards - rewards.mean(1, keepdim=True)) / spread).flatten()
        advantage = advantage.to(writer.model.device)
        batch = pack(examples)
        with torch.no_grad():
            before = _log_likelihood(Forward(writer.model).answers(batch))
        for _ in range(how.updates if how.kind == "ppo" else 1):
            optimiser.zero_grad()
            loss(writer.model, batch, before, advantage, anchors, how).backward()
            optimiser.step()
        if (iteration + 1) % max(1, how.iterations // how.anchors) == 0:
            anchors = [*anchors, _frozen(writer.model)][-how.anchors :]
    optimiser.zero_grad()
    return means


def loss(model, batch, before, advantage, anchors, how: prompt_policy.Search) -> torch.Tensor:
    """What a step minimises, for prefixes as the answers of ``batch``; see the module."""
    answers = Forward(model).answers(batch)
    now = _log_likelihood(answers)
    value = prompt_policy.gain_loss(now, before, advantage, how)
    if how.kind == "reinforce" or not how.anchor_weight:
        return value
    logs = answers.logits.log_softmax(-1)
    with torch.no_grad():
        others = [Forward(anchor).answers(batch).logits.log_softmax(-1) for anchor in anchors]
        apart = [_divergence(logs.detach(), other, batch.rows).item() for other in others]
    # Only the nearest has a gradient.
    nearest = others[apart.index(min(apart))]
    return value + how.anchor_weight * _divergence(logs, nearest, batch.rows)


def _divergence(logs: torch.Tensor, others: torch.Tensor, rows: int) -> torch.Tensor:
    """KL(p ‖ q) summed over all tokens [N, V], by the number of prefixes; nats."""
    return (logs.exp() * (logs - others)).sum() / rows


def _log_likelihood(answers) -> torch.Tensor:
    """log π of each prefix, [rows]."""
    return -answers.sequence_nll().double()


def _sampled(
    writer: Writer, asked: Sequence[Asked], samples: int, seed: str
) -> tuple[list[Example], list[list[str]]]:
    """Prefixes of each row, as examples whose answers they are, and as texts."""
    prompts = [writer.prompt_ids(one.question, one.kind) for one in asked]
    limits = [len(prompt) + writer.length for prompt in prompts]
    number = random.Random(f"prefixes/{seed}").getrandbits(63)
    keys = [f"{one.kind}/{one.question}" for one in asked]
    drawn = sampled(writer.model, prompts, keys, limits, writer.end, Sampling(samples, seed=number))
    examples, texts = [], []
    for prompt, some in zip(prompts, drawn, strict=True):
        for ids in some:
            # A prefix that was cut off has no end token.
            end = () if len(ids) == writer.length else (writer.end,)
            examples.append(Example((*prompt, *ids, *end), len(prompt)))
        texts.append([writer.text(ids) for ids in some])
    return examples, texts


def _rewards(writer: Writer, score: Score, asked, texts, examples) -> torch.Tensor:
    """The reward of each prefix, [rows, samples]."""
    samples = len(texts[0])
    lengths = [len(e.ids) - e.start - int(e.ids[-1] == writer.end) for e in examples]
    columns = [score([row[n] for row in texts], asked, lengths[n::samples]) for n in range(samples)]
    return torch.stack(columns, 1).double()


def _frozen(model):
    return copy.deepcopy(model).eval().requires_grad_(False)


class Goals:
    """What written prefixes are worth: CAP's reward of each, ``settings`` as in the method."""

    def __init__(self, rewards: Rewards, settings: Any):
        self.rewards, self.settings = rewards, settings
        self._unasked: dict[Pairs, list] = {}

    def score(
        self, prefixes: Sequence[str], asked: Sequence[Asked], lengths: Sequence[int]
    ) -> torch.Tensor:
        """The reward of each row's prefix, [rows]; ``lengths``: tokens of the prefixes."""
        s, total = self.settings, torch.empty(len(asked))
        for branch in ("forget", "retain"):
            places = [place for place, one in enumerate(asked) if one.branch == branch]
            if not places:
                continue
            rows = tuple((asked[n].question, asked[n].answer) for n in places)
            texts = [prefixes[n] for n in places]
            if branch == "forget":
                information, said = self.rewards.forget_parts(texts, rows, self._known(rows))
                right = 1 - said.float()
            else:
                information, said = self.rewards.retain_parts(texts, rows)
                right = said.float()
            counts = float(s.branches in ("both", branch))
            total[places] = self.rewards.total(counts * information, right)
        for place, (one, length) in enumerate(zip(asked, lengths, strict=True)):
            total[place] += self.rewards.length(length, self._wanted(one), s.length)
        return total

    def _wanted(self, one: Asked) -> int:
        if self.settings.wanted is not None:
            return self.settings.wanted
        return self.settings.length if one.kind == 0 else 0

    def _known(self, rows: Pairs) -> list:
        """log p₀ of the rows' answers, kept for the samples of one iteration."""
        if rows not in self._unasked:
            self._unasked = {rows: self.rewards.unasked(rows)}
        return self._unasked[rows]

    def worth_writing(self, writer: Writer, asked: Sequence[Asked]) -> list[bool]:
        """For each class, whether what the policy writes has a higher mean reward than nothing.

        A class without rows of its own, if there is no gate, is treated like the other.
        """
        texts = [writer.likeliest(one.question, one.kind) for one in asked]
        lengths = [len(writer.tokens.encode(text, add_special_tokens=False).ids) for text in texts]
        written = self.score(texts, asked, lengths)
        nothing = self.score([""] * len(asked), asked, [0] * len(asked))
        better = []
        for kind in (0, 1):
            places = [n for n, one in enumerate(asked) if one.kind == kind]
            better.append(bool(written[places].mean() > nothing[places].mean()) if places else None)
        return [better[0] if one is None else one for one in better]


def configuration(model) -> dict[str, Any]:
    """A model's configuration as plain values, without where and by what it was written."""
    values = json.loads(model.config.to_json_string(use_diff=False))
    passing = ("_name_or_path", "transformers_version", "architectures", "quantization_config")
    return {key: value for key, value in values.items() if key not in passing}
