"""Editing one layer's MLP so that forget prompts are steered towards not knowing (ASRU, stage 1).

Two ways: the MLP is trained on states (the authors'), or its last matrix solved by ridge regression
(a third party's re-implementation of arXiv 2605.15687).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from lethe.model.batch import Batch, pack, to_device
from lethe.model.encoder import Example
from lethe.model.forward import Forward, decoder_layers, hidden_states
from lethe.model.precision import frozen_copy
from lethe.train.data_order import batches, epoch_order
from lethe.train.execution import Execution
from lethe.train.loop import Loop
from lethe.train.optimizer import frozen
from lethe.train.settings import Schedule
from lethe.unlearn.closed_form import matrix, output_matrix, seen
from lethe.unlearn.strangers import ROWS, prompt_of, prompt_states


@dataclass(frozen=True)
class Part:
    """A batch of one step: prompts with their targets, or retain rows (``targets`` None)."""

    batch: Batch
    targets: torch.Tensor | None = None


def mlp_parameters(model, layer: int) -> list[str]:
    """The names of the parameters of a layer's MLP. LetheError where it is not known."""
    block = decoder_layers(model)[layer]
    last = output_matrix(block)
    inner = next(m for m in block.children() if any(part is last for part in m.modules()))
    own = {id(p) for p in inner.parameters()}
    return [name for name, p in model.named_parameters() if id(p) in own]


def train(
    model,
    forget: Sequence[Example],
    retain: Sequence[Example],
    layer: int,
    shift: torch.Tensor,
    weight: float,
    schedule: Schedule,
    seed: int,
    how: Execution,
) -> None:
    """Train the MLP of ``layer`` in place; all else is frozen.

    Steps on forget prompts lower the mean squared distance of the layer's output at the prompt's
    last token from what it was plus ``shift`` [H]; steps on retain rows ``weight`` times that of
    all tokens from what they were. Of R retain and F forget batches, a forget step follows each
    floor(R / F) retain steps.
    """
    prompts = [Example((*prompt_of(example), 0), example.start) for example in forget]
    targets = prompt_states(model, [prompt_of(example) for example in forget], layer) + shift
    before = Forward(frozen_copy(model))
    counts = [-(-len(rows) // schedule.batch_size) for rows in (retain, prompts)]
    every = max(1, counts[0] // counts[1])
    per_epoch = counts[0] + min(counts[1], counts[0] // every)

    def steps(epoch: int) -> Iterator[list[Part]]:
        retained = batches(epoch_order(len(retain), f"edit/{seed}", epoch), schedule.batch_size)
        gone = batches(epoch_order(len(prompts), f"edited/{seed}", epoch), schedule.batch_size)
        for number, rows in enumerate(retained, 1):
            yield [Part(pack([retain[row] for row in rows]))]
            place = number // every - 1
            if number % every == 0 and place < len(gone):
                chosen = gone[place]
                yield [Part(pack([prompts[row] for row in chosen]), targets[chosen])]

    def loss(part: Part) -> torch.Tensor:
        states = loop.forward.hidden(part.batch, layer)
        if part.targets is not None:
            at = part.batch.predictors.to(states.device)
            return (states[at] - part.targets).square().mean()
        with torch.no_grad():
            wanted = before.hidden(part.batch, layer)
        return weight * (states - wanted).square().mean()

    names = "|".join(map(re.escape, mlp_parameters(model, layer)))
    how = how.named(f"{how.name}.edit")
    with frozen(model, [f"^(?!(?:{names})$)"]):
        loop = Loop(model, schedule, per_epoch, f"edit/{seed}", how, shared=False, recordable=False)
        loop.restore(how.state_saver.take(how.name))
        for _ in loop.epochs(steps, [loss], lambda *_: None):
            pass


@torch.no_grad()
def solve(
    model,
    forget: Sequence[Example],
    retain: Sequence[Example],
    layer: int,
    shift: torch.Tensor,
    gamma: float,
) -> None:
    """Edit the MLP's last matrix W in place: W' = (H'H + gamma I)^-1 H'T, in double precision.

    H [N, f] are its inputs at the tokens that predict the answers of forget and retain rows, T the
    outputs H W', to which ``shift`` [H] is added at forget tokens.
    """
    module = output_matrix(decoder_layers(model)[layer])
    square, away = 0.0, 0.0
    for rows, moved in ((forget, True), (retain, False)):
        for part in batches(range(len(rows)), ROWS):
            batch = to_device(pack([rows[row] for row in part]), model.device)
            with seen(module, inputs=True) as given:
                hidden_states(model, batch)
            own = given[0][batch.predictors].double()
            square = square + own.T @ own
            away = away + own.sum(0) if moved else away
    weights = matrix(module)
    right = square @ weights.double().T + away[:, None] * shift.double()[None]
    eye = torch.eye(len(square), dtype=square.dtype, device=square.device)
    weights.copy_(torch.linalg.solve(square + gamma * eye, right).T)
