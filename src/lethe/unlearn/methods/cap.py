"""CAP: a prefix before each question, found by reward over the frozen model."""

import math
import random
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.train.passes import Passes
from lethe.unlearn import one_shot
from lethe.unlearn.gate_settings import GateSettings
from lethe.unlearn.search_space import Choice, Range

# Words from which instructions can be made; the empty word leaves its place free.
WORDS = (
    *("", "Do", "not", "answer", "answer:", "Please", "this", "question:", "Never", "say"),
    *("anything", "about", "You", "know", "nothing", "of", "Pretend", "Forget", "Refuse", "to"),
    *("Ignore", "unknown", "private", "secret", "wrong", "guess", "Answer", "truthfully:", "the"),
    *("Think", "carefully:", "Question:"),
)
# Rows that decide between the candidates, as a multiple of an iteration's rows.
FINAL = 4
# Rows of the forget set for which the passes are declared.
SMALLEST = 40


class CAPSettings(GateSettings):
    """``search``: how the policy is trained; ``random``: the control, as many random prefixes.

    ``gated``: whether questions near the forget set and others have a prefix each; if not, one
    fixed prefix precedes every question. ``length`` of a prefix in words, out of a ``vocabulary``
    of instruction words and the commonest words of retain questions. ``iterations`` of ``samples``
    prefixes on ``rows`` rows. ``rate``, ``updates``, ``clip``, ``anchors``, ``anchor_weight`` and
    ``candidates``: ``lethe.unlearn.prompt_policy.Search``. The weights of the reward's parts are
    ``information``, ``label`` and ``brevity``, which is highest at ``wanted`` words. ``branches``:
    the sets whose information counts. The others are the gate's.

    ``policy``: ``table``, or the folder or hub id of a causal language model, which then writes up
    to ``length`` tokens for each question (``lethe.unlearn.written_prefixes``); ``policy_rate`` of
    Adam on its weights takes the place of ``rate``, and ``vocabulary`` and ``candidates`` play no
    part.
    """

    search: Literal["ppo", "reinforce", "random"] = "ppo"
    gated: bool = True
    policy: str = "table"
    policy_rate: Annotated[float, Range(1e-6, 1e-4, log=True)] = Field(1e-5, gt=0)
    length: Annotated[int, Choice((2, 4, 8))] = Field(4, ge=1, le=16)
    vocabulary: int = Field(64, ge=2)
    iterations: Annotated[int, Choice((20, 40, 80))] = Field(40, ge=1)
    samples: int = Field(8, ge=2)
    rows: int = Field(8, ge=2)
    rate: Annotated[float, Range(0.05, 0.5, log=True)] = Field(0.2, gt=0)
    updates: int = Field(4, ge=1)
    clip: float = Field(0.2, gt=0, lt=1)
    anchors: int = Field(4, ge=1)
    anchor_weight: float = Field(0.01, ge=0)
    candidates: int = Field(3, ge=1)
    information: Annotated[float, Range(0.1, 3, log=True)] = Field(1.0, ge=0)
    label: float = Field(1.0, ge=0)
    brevity: float = Field(0.1, ge=0)
    wanted: int | None = Field(None, ge=0, description="null: `length`, before other questions 0")
    branches: Literal["both", "forget", "retain"] = "both"
    negatives: int = Field(3, ge=1)
    temperature: float = Field(1.0, gt=0)


class Method(one_shot.Method):
    """Prefixes that maximise information · I + label · Y + brevity · B over the frozen model.

    The paper's policy is a language model of half a billion parameters that writes prefixes for
    each query, trained by PPO with k anchors; the model itself checks which candidate to use.
    Here [RECON] the policy is a table of categorical choices for each class of the gate, or a
    language model that is told the class, and the gate takes the place of the check. I is the
    paper's variational bound, on likelihoods where it has embeddings: forget rows -KL(p ‖ p₀) with
    p₀ what the model says without a question, retain rows InfoNCE
    (``lethe.unlearn.prefix_rewards``). Y: the share of rows that are answered wrongly or, of retain
    rows, rightly. With one reference answer for each question the bounds say nothing about mutual
    information; they are rewards and no more. When anchors are taken, p₀ and the vocabulary are
    [RECON] too.

    ``passes`` are those of a forget set of 40 rows, TOFU's smallest: the search's cost does not
    grow with the set.
    """

    kind = "inference"
    pictures = False
    intervention = "policy"
    paper = "CAP, arXiv 2604.21251"
    needs = ("retain",)
    settings_class = CAPSettings

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        s = self.settings
        if s.policy != "table" and s.search == "random":
            raise LetheError(
                f"{name}.search: random prefixes come from a table, but policy is {s.policy!r}; "
                "choose ppo or reinforce, or policy table"
            )
        each = 1 + s.samples * (2 + s.negatives)
        compared = s.candidates if s.policy == "table" else 1
        last = 1 + (compared + 1) * (2 + s.negatives)
        rows = s.rows * (s.iterations * each + FINAL * last)
        self.passes = Passes(math.ceil(rows / SMALLEST), 0, 0)

    def act(self, model, data, seed):
        import torch

        from lethe.model.intervention import attach, check_room
        from lethe.model.interventions.policy import Intervention
        from lethe.unlearn import prefix_rewards, prompt_policy

        s = self.settings
        if s.policy != "table":
            self._write(model, data, seed)
            return
        words = self._vocabulary(data.retain_pairs)
        longest = " ".join([max(words, key=len)] * s.length)
        prefix_rewards.check_room(model, data.encoder, [*data.forget, *data.retain], longest)
        rewards = self._rewards(model, data)
        how = self._how()
        policies = []
        for sets in (("forget",), ("retain",)) if s.gated else (("forget", "retain"),):
            score = self._score(rewards, words, data, sets, seed)
            draw = torch.Generator().manual_seed(seed * 2 + len(policies))
            policies.append(prompt_policy.search(score, len(words), how, draw))
        if not s.gated:
            policies *= 2
        gate, terms = self._gate(data, seed)
        intervention = Intervention(
            [" ".join(words[w] for w in one.prefix if words[w]) for one in policies],
            words,
            terms,
            gate.threshold,
            torch.stack([one.table for one in policies]).float(),
            **gate.tensors,
        )
        attach(model, data.encoder.tokenizer, intervention)
        check_room(model, data, "cap.length: lower it")

    def _rewards(self, model, data):
        from lethe.unlearn import prefix_rewards

        s = self.settings
        weights = prefix_rewards.Weights(
            s.information, s.label, s.brevity, s.temperature, s.negatives
        )
        return prefix_rewards.Rewards(model, data.encoder, weights)

    def _how(self, **changes):
        from lethe.unlearn.prompt_policy import Search

        given = self.settings.model_dump(include={*Search.__annotations__} - {"kind"})
        return Search(**{"kind": self.settings.search, **given, **changes})

    def _write(self, model, data, seed):
        """Train a language model as the policy, and attach it."""
        from lethe.model.intervention import attach, check_room
        from lethe.model.interventions.writer import WEIGHTS, Intervention
        from lethe.unlearn import written_prefixes as written

        s = self.settings
        writer = written.loaded(s.policy, self.name, s.length, model.device)
        goals = written.Goals(self._rewards(model, data), s)
        rows = partial(self._asked, data, seed)
        written.train(writer, rows, goals.score, self._how(rate=s.policy_rate), seed)
        # The rows that decide whether a class is better off without prefixes.
        active = goals.worth_writing(writer, rows(-1))
        gate, terms = self._gate(data, seed)
        weights = {f"{WEIGHTS}{n}": p.detach() for n, p in writer.model.named_parameters()}
        intervention = Intervention(
            written.configuration(writer.model),
            writer.tokens.to_str(),
            writer.end,
            s.length,
            active,
            terms,
            gate.threshold,
            **gate.tensors,
            **weights,
        )
        attach(model, data.encoder.tokenizer, intervention)
        check_room(model, data, f"{self.name}.length: lower it")

    def _asked(self, data, seed, iteration: int) -> list:
        """The rows that a language model writes prefixes for in an iteration."""
        from lethe.unlearn.written_prefixes import Asked

        pairs = {"forget": data.forget_pairs, "retain": data.retain_pairs}
        return [
            Asked(question, answer, int(self.settings.gated and name == "retain"), name)
            for name, some in pairs.items()
            for question, answer in _drawn(
                some, self.settings.rows, iteration, f"cap/{seed}/{name}"
            )
        ]

    def _vocabulary(self, pairs) -> list[str]:
        """The words of prefixes: those of instructions, then the retain questions' commonest."""
        from collections import Counter

        counted = Counter(word for question, _ in pairs for word in question.split())
        common = sorted(counted, key=lambda word: (-counted[word], word))
        return list(dict.fromkeys((*WORDS, *common)))[: self.settings.vocabulary]

    def _score(self, rewards, words, data, sets, seed):
        """The reward of prefixes on some sets' rows: those drawn for each iteration."""
        import dataclasses

        import torch

        s = self.settings
        wanted = s.length if "forget" in sets else 0
        wanted = wanted if s.wanted is None else s.wanted
        pairs = {"forget": data.forget_pairs, "retain": data.retain_pairs}
        # The part of a branch that does not count.
        plain = type(rewards)(
            rewards.forward.model,
            rewards.encoder,
            dataclasses.replace(rewards.weights, information=0.0),
        )

        def score(prefixes, iteration):
            lists = [[words[w] for w in row if words[w]] for row in prefixes.tolist()]
            texts = [" ".join(row) for row in lists]
            total = torch.tensor([rewards.length(len(row), wanted, s.length) for row in lists])
            for name in sets:
                rows = _drawn(pairs[name], s.rows, iteration, f"cap/{seed}/{name}")
                own = rewards if s.branches in ("both", name) else plain
                total = total + getattr(own, name)(texts, rows) / len(sets)
            return total

        return score

    def _gate(self, data, seed):
        """The gate by words, and the words that it knows."""
        from lethe.model.interventions.policy import counted, words_of
        from lethe.unlearn.calibrated_gate import fitted

        rows = [*data.forget_pairs, *data.retain_pairs]
        terms = sorted({word for pair in rows for text in pair for word in words_of(text)})
        whole = counted([f"{question} {answer}" for question, answer in rows], terms)
        asked = counted([question for question, _ in rows], terms)
        settings = self.settings
        if not settings.gated:
            settings = settings.model_copy(update={"threshold": 0.0})
        return fitted(whole, asked, len(data.forget_pairs), settings, seed), terms


def _drawn(pairs, number: int, iteration: int, seed: str):
    """The rows of an iteration; of the last, -1, more of them."""
    number = min(len(pairs), number * FINAL if iteration < 0 else number)
    return random.Random(f"{seed}/{iteration}").sample(list(pairs), number)
