"""Prefixes found by reward over a frozen model: a table of categorical choices, and its search.

A prefix is a row of ``length`` words out of a small vocabulary, one of which is empty. The policy
chooses each place's word independently, by a table of logits [L, V]. Word 0 is the empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

# Rewards of prefixes (indices of words [B, L]) on the rows of one iteration -> [B].
Score = Callable[[torch.Tensor, int], torch.Tensor]


@dataclass(frozen=True)
class Search:
    """How a policy is searched: ``kind`` is ``ppo``, ``reinforce`` or ``random``.

    ``iterations`` of ``samples`` prefixes each; ``rate`` of Adam on the table. PPO alone:
    ``updates`` of each iteration's samples, ``clip`` of the ratio, ``anchors`` kept, and the
    ``anchor_weight`` of the distance to the nearest. ``candidates``: the policy's likeliest
    prefixes that are scored at the end.
    """

    kind: str
    length: int
    iterations: int
    samples: int
    rate: float
    updates: int
    clip: float
    anchors: int
    anchor_weight: float
    candidates: int


@dataclass
class Found:
    """The best prefix (indices of words), its reward, and the policy's table [L, V].

    ``rewards``: the mean reward of each iteration's samples.
    """

    prefix: tuple[int, ...]
    reward: float
    table: torch.Tensor
    rewards: list[float] = field(default_factory=list)


def search(score: Score, words: int, how: Search, draw: torch.Generator) -> Found:
    """The best prefix of ``how.length`` words that a search finds; the vocabulary has ``words``.

    ``score(prefixes, iteration)``; iteration -1 asks for the reward that decides at the end. Every
    kind scores ``iterations`` times ``samples`` prefixes, and at the end ``candidates`` and the
    empty prefix.
    """
    table = torch.zeros(how.length, words, dtype=torch.double)
    if how.kind == "random":
        return _random(score, table, how, draw)
    table.requires_grad_(True)
    optimiser = torch.optim.Adam([table], lr=how.rate)
    anchors, means = [table.detach().clone()], []
    for iteration in range(how.iterations):
        prefixes = sampled(table.detach(), how.samples, draw)
        rewards = score(prefixes, iteration).double()
        means.append(rewards.mean().item())
        advantage = (rewards - rewards.mean()) / (rewards.std(correction=0) + 1e-8)
        before = log_likelihood(table.detach(), prefixes)
        for _ in range(how.updates if how.kind == "ppo" else 1):
            optimiser.zero_grad()
            loss(table, prefixes, advantage, before, anchors, how).backward()
            optimiser.step()
        if (iteration + 1) % max(1, how.iterations // how.anchors) == 0:
            anchors = [*anchors, table.detach().clone()][-how.anchors :]
    table = table.detach()
    return _best(score, beam(table, how.candidates), table, means)


def _random(score: Score, table: torch.Tensor, how: Search, draw: torch.Generator) -> Found:
    """Uniform search: the prefixes with the highest rewards are the candidates."""
    tried: dict[tuple[int, ...], float] = {}
    means = []
    for iteration in range(how.iterations):
        prefixes = sampled(table, how.samples, draw)
        rewards = score(prefixes, iteration)
        means.append(rewards.mean().item())
        for prefix, reward in zip(prefixes.tolist(), rewards.tolist(), strict=True):
            tried[tuple(prefix)] = max(reward, tried.get(tuple(prefix), reward))
    best = sorted(tried, key=tried.__getitem__, reverse=True)[: how.candidates]
    return _best(score, torch.tensor(best), table, means)


def _best(score: Score, candidates: torch.Tensor, table: torch.Tensor, means) -> Found:
    # No prefix at all, if that has the higher reward: word 0 is empty.
    candidates = torch.cat([candidates, torch.zeros_like(candidates[:1])])
    rewards = score(candidates, -1)
    best = int(rewards.argmax())
    return Found(tuple(candidates[best].tolist()), rewards[best].item(), table, means)


def loss(
    table: torch.Tensor,
    prefixes: torch.Tensor,
    advantage: torch.Tensor,
    before: torch.Tensor,
    anchors: Sequence[torch.Tensor],
    how: Search,
) -> torch.Tensor:
    """What a step minimises.

    REINFORCE: -mean A log π. PPO: -mean min(r A, clip(r) A) + anchor_weight min_j KL(π ‖ π_j) with
    r = π / π_before (CAP, Beam-PPO).
    """
    value = gain_loss(log_likelihood(table, prefixes), before, advantage, how)
    if how.kind == "reinforce":
        return value
    nearest = torch.stack([divergence(table, anchor) for anchor in anchors]).min()
    return value + how.anchor_weight * nearest


def gain_loss(
    now: torch.Tensor, before: torch.Tensor, advantage: torch.Tensor, how: Search
) -> torch.Tensor:
    """The part of the loss that rewards give, from log π of prefixes now and when drawn, [B]."""
    if how.kind == "reinforce":
        return -(advantage * now).mean()
    ratio = (now - before).exp()
    clipped = ratio.clamp(1 - how.clip, 1 + how.clip)
    return -torch.min(ratio * advantage, clipped * advantage).mean()


def sampled(table: torch.Tensor, number: int, draw: torch.Generator) -> torch.Tensor:
    """Prefixes drawn from the policy, [number, L]."""
    return torch.multinomial(table.softmax(-1), number, replacement=True, generator=draw).T


def log_likelihood(table: torch.Tensor, prefixes: torch.Tensor) -> torch.Tensor:
    """log π of each prefix [B, L], [B]."""
    logs = table.log_softmax(-1)
    return logs.gather(1, prefixes.T).sum(0)


def divergence(table: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """KL between the policies of two tables, summed over places; nats."""
    logs, others = table.log_softmax(-1), other.log_softmax(-1)
    return (logs.exp() * (logs - others)).sum()


def beam(table: torch.Tensor, width: int) -> torch.Tensor:
    """The ``width`` likeliest prefixes of the policy, the likeliest first, [width, L]."""
    logs = table.log_softmax(-1)
    prefixes, values = torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, dtype=logs.dtype)
    for place in logs:
        # The best of a longer prefix are continuations of the best of a shorter one.
        total = (values[:, None] + place[None]).flatten()
        values, chosen = total.topk(min(width, len(total)))
        words = chosen % len(place)
        prefixes = torch.cat([prefixes[chosen // len(place)], words[:, None]], dim=1)
    return prefixes
