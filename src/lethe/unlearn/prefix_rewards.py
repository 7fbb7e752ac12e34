"""What a prefix before a question is worth: CAP's rewards, measured on a frozen model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Forward
from lethe.model.interventions.policy import joined
from lethe.model.token_mixing import check_lengths
from lethe.train.data_order import batches

# Rows of a pass.
ROWS = 64

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Weights:
    """Weights of the parts of a reward; ``temperature``: of the retain rows' scores.

    ``negatives``: the other rows' answers that an answer is compared with.
    """

    information: float
    label: float
    length: float
    temperature: float
    negatives: int


@dataclass
class Scored:
    """For each row: ``logs`` [tokens, V] of its answer, and whether greedy decoding gives it."""

    logs: list[torch.Tensor]
    nll: torch.Tensor
    said: torch.Tensor


class Rewards:
    """Rewards of prefixes on rows of a frozen model."""

    def __init__(self, model, encoder: Encoder, weights: Weights):
        self.forward, self.encoder, self.weights = Forward(model.eval()), encoder, weights

    def forget(self, prefixes: Sequence[str], rows: Pairs) -> torch.Tensor:
        """The information and label parts where answers are to be forgotten, [prefixes].

        Information: minus the mean over answer tokens of KL(p(. | prefix, question) ‖ p₀), where p₀
        is what the model says of the same token without any question. Label: the share of rows
        whose answer is not what greedy decoding gives.
        """
        known, parts = self.unasked(rows), []
        for prefix in prefixes:
            information, said = self.forget_parts([prefix] * len(rows), rows, known)
            parts.append(self.total(information.mean(), 1 - said.float().mean()))
        return torch.stack(parts)

    def unasked(self, rows: Pairs) -> list[torch.Tensor]:
        """log p₀ of each row's answer, [tokens, V]."""
        return self._scored([("", answer) for _, answer in rows], keep=True).logs

    def forget_parts(self, prefixes: Sequence[str], rows: Pairs, known) -> tuple:
        """Each row behind a prefix of its own: its information, and whether it is said, [rows]."""
        pairs = [(joined(prefix, q), a) for prefix, (q, a) in zip(prefixes, rows, strict=True)]
        now = self._scored(pairs, keep=True)
        information = [_divergence(p, q) for p, q in zip(now.logs, known, strict=True)]
        return -torch.stack(information), now.said

    def retain(self, prefixes: Sequence[str], rows: Pairs) -> torch.Tensor:
        """The same where answers are to stay, [prefixes].

        Information: the mean over rows of log softmax(s / temperature) of the row's own answer
        among its own and those of the next ``negatives`` rows, s an answer's mean log-likelihood
        (InfoNCE's bound). Label: the share of rows whose answer greedy decoding gives.
        """
        parts = []
        for prefix in prefixes:
            information, said = self.retain_parts([prefix] * len(rows), rows)
            parts.append(self.total(information.mean(), said.float().mean()))
        return torch.stack(parts)

    def retain_parts(self, prefixes: Sequence[str], rows: Pairs) -> tuple:
        """As ``forget_parts``, where answers are to stay; prefix and question are the row's own."""
        others = range(min(self.weights.negatives, len(rows) - 1) + 1)
        pairs = [
            (joined(prefixes[row], question), rows[(row + step) % len(rows)][1])
            for row, (question, _) in enumerate(rows)
            for step in others
        ]
        scored = self._scored(pairs)
        scores = -scored.nll.view(len(rows), len(others)) / self.weights.temperature
        information = scores.log_softmax(-1)[:, 0]
        return information, scored.said.view(len(rows), len(others))[:, 0]

    def length(self, words: int, wanted: int, most: int) -> float:
        """The length part for a prefix of ``words`` words; ``wanted`` words are best."""
        return -self.weights.length * abs(words - wanted) / most

    def total(self, information, label):
        """The weighted sum of two parts."""
        return self.weights.information * information + self.weights.label * label

    @torch.inference_mode()
    def _scored(self, pairs: Pairs, keep: bool = False) -> Scored:
        """Answers after questions; ``keep``: with the log-probabilities of all tokens."""
        examples = self.encoder.encode_all(pairs)
        lengths = [len(example) - 1 for example in examples]
        model = self.forward.model
        check_lengths(model, lengths, "a question after a prefix", "lower cap.length")
        logs, nll, said = [], [], []
        for part in batches(range(len(examples)), ROWS):
            answers = self.forward.answers(pack([examples[row] for row in part]))
            lengths = [examples[row].answer_tokens for row in part]
            nll.append((answers.sequence_nll() / answers.sequence_tokens()).cpu())
            right = (answers.logits.argmax(-1) == answers.batch.labels).cpu()
            said.extend(bool(own.all()) for own in right.split(lengths))
            if keep:
                logs.extend(answers.logits.log_softmax(-1).cpu().split(lengths))
        return Scored(logs, torch.cat(nll), torch.tensor(said))


def _divergence(logs: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ q), a mean over tokens; nats."""
    if len(logs) != len(others):
        raise LetheError(
            "cap: an answer has other tokens behind another question; raise max_length, which may "
            "cut it there, or choose another template"
        )
    return (logs.exp() * (logs - others)).sum(-1).mean()


def check_room(model, encoder: Encoder, rows: Sequence[Example], longest: str) -> None:
    """LetheError if the longest row has no room for a prefix such as ``longest`` before it."""
    most = getattr(model.config, "max_position_embeddings", None)
    added = len(encoder.prompt_ids(joined(longest, "Why?"))) - len(encoder.prompt_ids("Why?"))
    if most is not None and max(map(len, rows)) + added > most:
        raise LetheError(
            f"cap.length: a prefix may have {added} tokens, but the longest row leaves no room for "
            f"them in the model's {most} positions; lower it"
        )
