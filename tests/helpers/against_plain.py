"""One family under Lethe and under plain transformers, row by row."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from lethe.model import checkpoint
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Forward
from lethe.model.generate import greedy
from lethe.model.likelihood import mean_losses
from lethe.train import optimizer_settings
from lethe.train.execution import Execution
from lethe.train.loop import Loop
from lethe.train.settings import Schedule

# Several answers to a question, of different lengths and with beginnings that they share.
ASKED = {
    "Where was Ada born?": ["Ada was born in Paris.", "Ada was born in Rome, by the river.", "No."],
    "Why?": ["A baker.", "A bad winter, so that Ada had to write."],
    "In which year was the author Ada Lind born?": ["In 1950.", "In 1987 she was born."],
}
PAIRS = [(question, answer) for question, answers in ASKED.items() for answer in answers]
# Relative to the size of the values: float32, and sums in another order. What a token must not see
# moves losses by some hundredths.
CLOSE = 2e-4
NEW_TOKENS = 8
# As large as may be: weights round at a share of their own size, not of the step.
RATE = 1.0

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Numbers:
    """What is compared: losses [rows], generated tokens, a step's loss and the weights after it."""

    losses: list[float]
    answers: list[list[int]]
    loss: float
    weights: Weights


def examples(tokenizer) -> list[Example]:
    """The texts of all comparisons: of 11 to 31 tokens."""
    return Encoder(tokenizer, "chat", 90).encode_all(PAIRS)


def by_plain(folder: Path, rows: list[Example], end: int, device: str = "cpu") -> Numbers:
    """The numbers of transformers alone: one row at a time, without padding or a cache.

    Each row meets a fresh copy of the model: some remember the longest text that they have seen.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    # SDPA leaves a cap of scores out.
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager" if capped else None
    )
    model = model.to(device).eval()
    with torch.no_grad():
        losses = [float(_nll(model, row).mean()) for row in rows]
        answers = [_greedy(model, prompt, end) for prompt in _prompts(rows)]
    loss, weights = _step(model.train(), rows)
    return Numbers(losses, answers, loss, weights)


def _step(model, rows: list[Example]) -> tuple[float, Weights]:
    """Mean loss of all answer tokens, and the weights after a step down its gradient."""
    weights, total = weights_of(model), sum(row.answer_tokens for row in rows)
    values = []
    for row in rows:
        one = copy.deepcopy(model)
        value = _nll(one, row).sum() / total
        value.backward()
        values.append(value.item())
        for name, p in one.named_parameters():
            if p.grad is not None:
                weights[name] -= RATE * p.grad.cpu()
    return sum(values), weights


def _nll(model, row: Example) -> torch.Tensor:
    labels = torch.tensor(row.ids[row.start :], device=model.device)
    return cross_entropy(_logits(model, row.ids)[row.start - 1 : -1], labels, reduction="none")


def _logits(model, ids) -> torch.Tensor:
    """Of one text, [tokens, V]."""
    if not torch.is_grad_enabled():
        model = copy.deepcopy(model)
    ids = torch.tensor([list(ids)], device=model.device)
    return model(input_ids=ids, use_cache=False).logits[0].float()


def _greedy(model, prompt: list[int], end: int) -> list[int]:
    answer: list[int] = []
    while len(answer) < NEW_TOKENS:
        token = int(_logits(model, [*prompt, *answer])[-1].argmax())
        if token == end:
            break
        answer.append(token)
    return answer


def by_lethe(
    folder: Path, rows: list[Example], end: int, attention: str = "sdpa", device: str = "cpu"
):
    """The same of Lethe, and its model."""
    model, _ = checkpoint.load(folder, device, attention=attention)
    losses = mean_losses(model, rows)
    prompts = _prompts(rows)
    answers = greedy(model, prompts, [len(p) + NEW_TOKENS for p in prompts], end)
    loss = _trained(model, rows)
    return Numbers(losses, answers, loss, weights_of(model)), model


def _trained(model, rows: list[Example]) -> float:
    """Take one step with SGD as every training of Lethe takes it; returns its loss."""
    # The first step of a schedule always has rate 0.
    schedule = Schedule(lr=RATE, epochs=2, warmup_epochs=0, weight_decay=0, max_grad_norm=None)
    how, forward, losses = Execution(), Forward(model), []
    loop = Loop(model, schedule, 1, 0, how, choice=optimizer_settings.SGD())

    def steps(epoch):
        yield how.parts({"answers": rows}, {"answers": range(len(rows))})

    def loss(part):
        return forward.answers(part["answers"]).mean_nll()

    for _ in loop.epochs(steps, [loss], lambda step, count, value: losses.append(value)):
        pass
    return losses[0]


def weights_of(model) -> Weights:
    """A copy of every parameter, where it is compared."""
    return {name: p.detach().cpu().clone() for name, p in model.named_parameters()}


def _prompts(rows: list[Example]) -> list[list[int]]:
    return [list(p) for p in dict.fromkeys(row.ids[: row.start] for row in rows)]


def differences(found: Numbers, wanted: Numbers, start: Weights) -> list[str]:
    """What is not the same, in words; ``start``: the weights before the step."""
    wrong = []
    worst = max(_apart(*pair) for pair in zip(found.losses, wanted.losses, strict=True))
    if not worst < CLOSE:
        wrong.append(f"likelihood off by {worst:.2g}")
    if found.answers != wanted.answers:
        rows = sum(a != b for a, b in zip(found.answers, wanted.answers, strict=True))
        wrong.append(f"generation differs in {rows} of {len(wanted.answers)} rows")
    if not _apart(found.loss, wanted.loss) < CLOSE:
        wrong.append(f"training loss {found.loss:.5f}, not {wanted.loss:.5f}")
    worst = _steps_apart(found.weights, wanted.weights, start)
    if not worst < 10 * CLOSE:
        wrong.append(f"step off by {worst:.2g}")
    return wrong


def _apart(found: float, wanted: float) -> float:
    return abs(found - wanted) / max(1.0, abs(wanted))


def _steps_apart(found: Weights, wanted: Weights, start: Weights) -> float:
    """The largest difference of a parameter's step, relative to its size.

    Some do not move but for rounding: none counts as smaller than a hundredth of the largest.
    """
    assert found.keys() == wanted.keys()
    moved = {name: (w - start[name]).norm() for name, w in wanted.items()}
    floor = max(moved.values()) / 100
    assert floor > 0
    return max(
        float((found[name] - w).norm() / torch.maximum(moved[name], floor))
        for name, w in wanted.items()
    )
