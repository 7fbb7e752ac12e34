"""Closed-form edits of the last matrix of a layer's MLP: keys, values and their targets.

A key is that matrix's input at the last token of a question's subject, its value the output there
(Meng et al., MEMIT, arXiv 2210.07229; ZeroUnlearn, arXiv 2605.18879).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.functional import kl_div

from lethe.common.errors import LetheError
from lethe.model import plain_rows
from lethe.model.batch import Batch, pack, to_device
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Answers, decoder_layers, hidden_states, project
from lethe.model.intervention import asked

# Names, by model family, of the matrix from the MLP's inner width back to the model's.
OUTPUTS = ("down_proj", "dense_4h_to_h", "fc2", "c_proj")


@dataclass(frozen=True)
class Search:
    """How the shift of a state is optimised: Adam's steps and its regularisation (MEMIT).

    ``decay`` weighs |shift| / |state|²; a shift is at most ``clamp`` times as long as its state.
    """

    steps: int = 25
    lr: float = 0.1
    decay: float = 0.5
    clamp: float = 0.75


@dataclass
class Rows:
    """Packed rows; ``places`` [rows] are the token indices of their keys."""

    batch: Batch
    places: torch.Tensor


def key_places(encoder: Encoder, pairs: Sequence[tuple[str, str]], subjects) -> list[int]:
    """The index in the prompt of the last token of each question's subject.

    A question without a subject gets the prompt's last token. LetheError without a fast tokenizer:
    only those report the character positions of tokens.
    """
    tokenizer, places = encoder.tokenizer, []
    if not tokenizer.is_fast:
        raise LetheError(
            "zero_unlearn.position: this tokenizer reports no positions; set it to last"
        )
    for (question, _), subject in zip(pairs, subjects, strict=True):
        last = len(encoder.prompt_ids(question)) - 1
        text = encoder.template.prompt(asked(tokenizer, question))
        end = text.rfind(subject) + len(subject) if subject and subject in text else 0
        spans = tokenizer(
            text, add_special_tokens=encoder.template.special, return_offsets_mapping=True
        ).offset_mapping
        holding = [place for place, (start, stop) in enumerate(spans) if start < end <= stop]
        places.append(min(holding[0], last) if holding else last)
    return places


def rows(examples: Sequence[Example], places: Sequence[int], device) -> Rows:
    """Pack examples, and convert their keys' places to the packed row."""
    lengths = torch.tensor([len(example) - 1 for example in examples])
    offsets = lengths.cumsum(0) - lengths
    return Rows(to_device(pack(examples), device), (offsets + torch.tensor(places)).to(device))


def output_matrix(layer: torch.nn.Module) -> torch.nn.Module:
    """The last module of a decoder layer's MLP; LetheError where its name is not known."""
    for name, module in layer.named_modules():
        path = name.split(".")
        if len(path) == 2 and path[0] in ("mlp", "feed_forward") and path[1] in OUTPUTS:
            return module
    raise LetheError(
        f"{type(layer).__name__}: its MLP ends in none of {', '.join(OUTPUTS)}; it cannot be edited"
    )


def matrix(module: torch.nn.Module) -> torch.Tensor:
    """The weights as [outputs, inputs]: a view, so writing to it edits the model."""
    from transformers.pytorch_utils import Conv1D

    return module.weight.T if isinstance(module, Conv1D) else module.weight


@contextmanager
def seen(module: torch.nn.Module, inputs: bool) -> Iterator[list[torch.Tensor]]:
    """Yields a list that holds a module's inputs, or its outputs, [T, D], after the block.

    Run one batch within the block.
    """
    states: list[torch.Tensor] = []
    parts: list[plain_rows.Part] = []

    def note(module, given, output):
        value = given[0] if inputs else output
        parts.append(plain_rows.at_tokens(value[0] if isinstance(value, tuple) else value))

    hook = module.register_forward_hook(note)
    try:
        yield states
    finally:
        hook.remove()
    states.append(plain_rows.joined(parts))


@contextmanager
def shifted(module: torch.nn.Module, places: torch.Tensor, shift: torch.Tensor) -> Iterator[None]:
    """Within the block, ``shift`` [rows, D] is added to a module's output at ``places``."""

    def add(module, given, output):
        states = output[0] if isinstance(output, tuple) else output
        moved = _added(states, places, shift.to(states.dtype))
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    hook = module.register_forward_hook(add)
    try:
        yield
    finally:
        hook.remove()


def _added(states, places, shift) -> torch.Tensor:
    """A pass's states with ``shift`` [rows, D] added at packed places."""
    now = plain_rows.running()
    if now is None:
        return states.index_add(1, places, shift[None])
    whole = shift.new_zeros(now.batch.ids.shape[1], shift.shape[1]).index_add(0, places, shift)
    return states + now.spread(whole)


@contextmanager
def without_gradients(model) -> Iterator[None]:
    """Within the block no parameter requires a gradient."""
    trained = [p for p in model.parameters() if p.requires_grad]
    for p in trained:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in trained:
            p.requires_grad_(True)


def find_shift(
    model,
    module: torch.nn.Module,
    some: Rows,
    search: Search,
    states: torch.Tensor,
    penalty: Callable[[torch.Tensor], torch.Tensor] = lambda hidden: 0.0,
) -> torch.Tensor:
    """The shift of a module's output at the rows' keys that makes their answers likely, [rows, D].

    Minimises, for each row, the mean nll of its answer + ``penalty`` of the last hidden states +
    ``decay`` |shift| / |state|². ``states`` [rows, D]: the outputs without a shift.
    """
    size = states.float().norm(dim=-1, keepdim=True)
    shift = torch.zeros_like(states, dtype=torch.float32, requires_grad=True)
    adam = torch.optim.Adam([shift], lr=search.lr)
    with without_gradients(model), torch.enable_grad():
        for _ in range(search.steps):
            with shifted(module, some.places, shift):
                hidden = hidden_states(model, some.batch)
            answers = Answers(project(model, hidden[some.batch.predictors]), some.batch)
            # Rows are independent: minimising the sum of their losses minimises each.
            loss = (answers.sequence_nll() / answers.sequence_tokens()).sum() + penalty(hidden)
            # The square root has no gradient at 0.
            length = (shift.square().sum(-1) + 1e-12).sqrt()
            loss = loss + search.decay * (length / size[:, 0].square()).sum()
            (shift.grad,) = torch.autograd.grad(loss, [shift])
            adam.step()
            with torch.no_grad():
                norm = shift.norm(dim=-1, keepdim=True).clamp(min=1e-12)
                shift.mul_((search.clamp * size / norm).clamp(max=1.0))
    return shift.detach()


def drift(model, some: Rows, at: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """KL(before || now) of the token after the key, summed over rows where ``at`` [rows]."""
    places = some.places[at]
    with torch.no_grad():
        before = project(model, hidden_states(model, some.batch)[places]).float().log_softmax(-1)

    def value(hidden: torch.Tensor) -> torch.Tensor:
        now = project(model, hidden[places]).float().log_softmax(-1)
        return kl_div(now, before, reduction="sum", log_target=True)

    return value


def projection(values: torch.Tensor, rank: int, epsilon: float) -> torch.Tensor:
    """P = (1 + epsilon) I - V V' [D, D], V the leading right singular vectors of the rows.

    ``values`` [n, D]. V has at most ``rank`` vectors: D of them would leave nothing of any value.
    """
    _, strength, right = torch.linalg.svd(values, full_matrices=False)
    leading = right[:rank][strength[:rank] > 1e-9 * strength[0]]
    return (1 + epsilon) * torch.eye(values.shape[1], dtype=values.dtype) - leading.T @ leading


def normal_equation(
    weights: torch.Tensor,
    second_moment: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    project_by: torch.Tensor,
    *,
    general: float,
    forget: float,
    mu: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A and B [d, d] of the equation D B = A; the edit replaces W [d, f] by D W (ZeroUnlearn).

    A = P (VK + mu W) W', B = W (KK + mu I) W' with KK = general E[k k'] + forget K K' and
    VK = general W E[k k'] + forget V K'; D is the minimum of the weighted |D W k - P v|², and
    2 (D B - A) its gradient. ``keys`` [n, f] and ``values`` [n, d] belong to what is to be
    forgotten; ``second_moment`` [f, f] is E[k k'] elsewhere, where the values are W k.
    """
    square = general * second_moment + forget * keys.T @ keys
    cross = general * weights @ second_moment + forget * values.T @ keys
    left = project_by @ (cross + mu * weights) @ weights.T
    right = weights @ (square + mu * torch.eye(len(square), dtype=square.dtype)) @ weights.T
    return left, right


def multiplier(*given: torch.Tensor, **terms: float) -> torch.Tensor:
    """The D of ``normal_equation`` in closed form: double precision, [d, d]."""
    left, right = normal_equation(*given, **terms)
    return torch.linalg.solve(right.T, left.T).T


def descended(*given: torch.Tensor, steps: int, rate: float, **terms: float) -> torch.Tensor:
    """As ``multiplier``, but by ``steps`` of gradient descent from the identity.

    ``rate`` in (0, 2), in units of the inverse of B's largest eigenvalue, the largest curvature:
    the objective falls in every step.
    """
    left, right = normal_equation(*given, **terms)
    edit = torch.eye(len(right), dtype=right.dtype)
    by = rate / torch.linalg.eigvalsh(right)[-1]
    for _ in range(steps):
        edit = edit - by * (edit @ right - left)
    return edit


def edited_layers(model, chosen: Sequence[int]) -> list[int]:
    """The layers to edit, in order: those chosen, or about three at 16/28 to 18/28 of the depth.

    Never the last layer: no later token sees a subject's state there.
    """
    depth = len(decoder_layers(model))
    wrong = [layer for layer in chosen if layer > depth - 2]
    if wrong or depth < 2:
        raise LetheError(
            f"zero_unlearn.layers: {wrong}, but of {depth} layers all but the last can be edited"
        )
    usual = {min(depth - 2, round(depth * n / 28)) for n in (16, 17, 18)}
    return sorted({*chosen} or usual)
