"""PEZ: a text before every question, found by gradients, after which a model gives its answers.

Wen et al., arXiv 2302.03668, algorithm 1. K free vectors p [K, H] are trained, and each step takes
its gradient at the vocabulary's embeddings that are nearest to them:

    p' = nearest(p),    p ← AdamW(p, ∂L/∂p at p'),

L the mean negative log-likelihood of the answers' tokens after p' and the question. Nearest is by
cosine, as in the authors' code, or by Euclidean distance. The authors keep the best p' that they
saw; here the few best are written as texts, tokenised anew, and compared on all rows, among them no
text at all, since what counts is what can be typed [RECON].
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.model import plain_rows, token_mixing
from lethe.model.batch import Batch, to_device
from lethe.model.encoder import Encoder, Example, token_ids
from lethe.model.forward import Forward
from lethe.model.likelihood import mean_losses
from lethe.train.execution import Execution, State
from lethe.train.microbatch import parts
from lethe.unlearn.closed_form import without_gradients

# Two texts that stand where a prompt will be; where their tokens differ, there is its place.
STAND_INS = ("A", "Q")
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Slotted:
    """A tokenised row with a place for a prompt between ``opening`` and ``rest``.

    ``answer``: where the answer begins in ``rest``.
    """

    opening: Ids
    rest: Ids
    answer: int

    def filled(self, prompt: Sequence[int]) -> Example:
        """The row with these tokens in its place."""
        start = len(self.opening) + len(prompt) + self.answer
        return Example((*self.opening, *prompt, *self.rest), start)


@dataclass(frozen=True)
class Found:
    """The text that was found (empty: none is better than no text), and what it does.

    ``loss``, ``without``: mean loss (nats a token, a mean over rows) after it, and without it.
    """

    text: str
    loss: float
    without: float


def slotted(encoder: Encoder, pairs: Sequence[tuple[str, str]]) -> list[Slotted]:
    """Rows with a place for a prompt before their questions, which one space keeps apart.

    LetheError if a template or an intervention leaves no such place.
    """
    encoded = [
        encoder.encode_all([(before(text, question), answer) for question, answer in pairs])
        for text in STAND_INS
    ]
    return [_slotted(*both, pair[0]) for *both, pair in zip(*encoded, pairs, strict=True)]


def _slotted(one: Example, other: Example, question: str) -> Slotted:
    opening = _alike(one.ids, other.ids)
    closing = _alike(one.ids[opening:][::-1], other.ids[opening:][::-1])
    rest = one.ids[len(one) - closing :]
    answer = one.start - (len(one) - closing)
    # Each stand-in is a letter: more tokens than that differ only if the rest depends on it.
    if answer < 0 or len(one) - closing - opening > len(STAND_INS[0]) + 1:
        raise LetheError(
            f"attack 'pez': what is asked in place of {question[:60]!r} has no place for a text "
            "before it; choose another template, or leave the attack out"
        )
    return Slotted(one.ids[:opening], rest, answer)


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens are the same."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def before(text: str, question: str) -> str:
    """A question after a text."""
    return f"{text} {question}" if text else question


def typable(tokenizer: Any, size: int) -> torch.Tensor:
    """The ids of tokens of which a typed text can consist, ascending; ``size``: of the embedding.

    These are printable texts that are tokenised as themselves; special and added tokens are not
    among them. LetheError if there are fewer than two.
    """
    barred = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    ids = [n for n in range(min(len(tokenizer), size)) if n not in barred]
    texts = tokenizer.batch_decode([[n] for n in ids], clean_up_tokenization_spaces=False)
    whole = token_ids(tokenizer, texts, special=False)
    bare = token_ids(tokenizer, [text.strip() for text in texts], special=False)
    whole_tokens = [
        n
        for n, text, *again in zip(ids, texts, whole, bare, strict=True)
        if text.strip() and text.isprintable() and "\ufffd" not in text and [n] in again
    ]
    if len(whole_tokens) < 2:
        raise LetheError(
            "attack 'pez': the tokenizer has no tokens that stand for texts of their own; leave "
            "the attack out"
        )
    return torch.tensor(whole_tokens)


def nearest(points: torch.Tensor, table: torch.Tensor, by: str) -> torch.Tensor:
    """For each point [K, H] the nearest row of a table [V, H], [K]; of equally near ones the first.

    ``by``: ``cosine`` or ``distance`` (Euclidean).
    """
    if by == "cosine":
        points, table = (torch.nn.functional.normalize(t, dim=-1) for t in (points, table))
        return (points @ table.T).argmax(-1)
    # |p - e|² without |p|², which is the same for all rows of the table.
    return (table.square().sum(-1) - 2 * points @ table.T).argmin(-1)


class Search:
    """Finds a text of ``settings.tokens`` tokens for ``pairs``; can be resumed from its state.

    ``settings``: of the attack ``pez``. ``order``: the rows of all steps. ``seed`` draws the
    vocabulary's embeddings from which the search starts.
    """

    def __init__(self, model, encoder: Encoder, pairs, order: Sequence[int], settings, seed: str):
        self.model, self.encoder, self.pairs, self.settings = model, encoder, list(pairs), settings
        self.order, self.rows = order, slotted(encoder, self.pairs)
        self.forward, self.number = Forward(model), 0
        weight = model.get_input_embeddings().weight.detach()
        allowed = typable(encoder.tokenizer, len(weight))
        self.vocabulary = allowed.to(weight.device)
        self.table = weight[self.vocabulary].float()
        draw = torch.Generator().manual_seed(_number(seed))
        first = torch.randint(len(allowed), (settings.tokens,), generator=draw)
        self.points = self.table[first.to(weight.device)].clone()
        self.optimiser = torch.optim.AdamW(
            [self.points], lr=settings.lr, weight_decay=settings.weight_decay
        )
        # The best prompts so far, by the least loss of a step that tried them.
        self.tried: dict[Ids, float] = {}
        longest = [len(row.opening) + settings.tokens + len(row.rest) - 1 for row in self.rows]
        token_mixing.check_lengths(model, longest, "a question after a text", "lower tokens")

    def state(self) -> State:
        """The vectors, the optimiser's moments, the best prompts and their losses."""
        moments = self.optimiser.state[self.points]
        return {
            "number": self.number,
            "points": self.points,
            **{f"optimiser/{key}": value for key, value in moments.items()},
            "tried": [[list(ids), loss] for ids, loss in self.tried.items()],
        }

    def restore(self, state: State | None) -> None:
        """Go on from a ``state`` of the same search; None: begin."""
        if state is None:
            return
        self.number = state["number"]
        self.points.copy_(state["points"])
        self.optimiser.state[self.points] = {
            # AdamW counts its steps on the CPU.
            key: state[f"optimiser/{key}"].to("cpu" if key == "step" else self.points.device)
            for key in ("step", "exp_avg", "exp_avg_sq")
        }
        self.tried = {tuple(ids): loss for ids, loss in state["tried"]}

    def run(self, how: Execution, report: Callable) -> Found:
        """Take all steps that are left, then choose among the best prompts."""
        steps = self.settings.steps
        self.restore(how.state_saver.take(how.name))
        with without_gradients(self.model), how.state_saver.joined(how.name, self):
            while self.number < steps:
                loss = self._step(how)
                report(self.number, steps, loss)
                if how.state_saver.due():
                    how.state_saver.save()
        return self._chosen()

    def _step(self, how: Execution) -> float:
        size, chosen = self.settings.batch_size, nearest(self.points, self.table, self._by)
        prompt = tuple(self.vocabulary[chosen].tolist())
        rows = [self.rows[n] for n in self.order[self.number * size : (self.number + 1) * size]]
        loss, self.points.grad = self._gradient(rows, prompt, how)
        self.optimiser.step()
        self.number += 1
        self.tried[prompt] = min(loss, self.tried.get(prompt, loss))
        best = sorted(self.tried, key=self.tried.__getitem__)[: self.settings.candidates]
        self.tried = {ids: self.tried[ids] for ids in best}
        return loss

    @property
    def _by(self) -> str:
        return self.settings.nearest

    def _gradient(self, rows: Sequence[Slotted], prompt: Ids, how: Execution):
        """The step's loss, and its gradient by the embeddings of the prompt's tokens, [K, H]."""
        examples = [row.filled(prompt) for row in rows]
        total, gradient = 0.0, torch.zeros_like(self.points)
        # Not how.parts: every process takes all rows, and finds the same text.
        for part in parts({"rows": examples}, {"rows": range(len(rows))}, how.microbatch_tokens):
            batch = to_device(part["rows"], self.model.device)
            moved = torch.zeros_like(self.points, requires_grad=True)
            firsts = [len(rows[n].opening) for n in batch.index]
            with torch.enable_grad(), shifted(self.model, batch, firsts, moved):
                loss = self.forward.answers(batch).mean_nll()
            gradient += torch.autograd.grad(loss, moved)[0]
            total += loss.item()
        return total, gradient

    def _chosen(self) -> Found:
        last = tuple(self.vocabulary[nearest(self.points, self.table, self._by)].tolist())
        texts = self.encoder.tokenizer.batch_decode(
            [*self.tried, last], clean_up_tokenization_spaces=False
        )
        losses = {text: self._loss(text) for text in dict.fromkeys(["", *map(str.strip, texts)])}
        text = min(losses, key=losses.__getitem__)
        return Found(text, losses[text], losses[""])

    def _loss(self, text: str) -> float:
        examples = self.encoder.encode_all([(before(text, q), a) for q, a in self.pairs])
        losses = mean_losses(self.model, examples)
        return sum(losses) / len(losses)


@contextmanager
def shifted(model, batch: Batch, firsts: Sequence[int], moved: torch.Tensor) -> Iterator[None]:
    """Within the block ``moved`` [K, H] is added to the embeddings of every row's prompt.

    ``firsts``: where the prompt begins in each row of ``batch``, which is on the model's device.
    """
    length = len(moved)
    # Which vector each packed token gets; the last one, zeros, for all but the prompts' tokens.
    which = torch.full((batch.ids.numel(),), length, device=moved.device)
    for gather, first in zip(batch.packing.gather, firsts, strict=True):
        which[gather[first : first + length]] = torch.arange(length, device=moved.device)

    def add(module, inputs, output):
        packed = torch.cat([moved, moved.new_zeros(1, moved.shape[1])])[which]
        rows = plain_rows.running()
        added = packed[None] if rows is None else rows.spread(packed)
        if added.shape != output.shape:
            raise LetheError(
                f"attack 'pez': {type(model).__name__} does not embed each token once; leave it out"
            )
        return output + added.to(output.dtype)

    hook = model.get_input_embeddings().register_forward_hook(add)
    try:
        yield
    finally:
        hook.remove()


def _number(seed: str) -> int:
    return random.Random(seed).getrandbits(63)
