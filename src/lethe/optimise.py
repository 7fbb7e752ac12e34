"""Optimiser, learning-rate schedule and clipping, shared by fine-tuning and unlearning."""

import torch

from lethe.schedule import Schedule


class Optimiser:
    """AdamW with the schedule's learning rate; one ``step`` for each batch."""

    def __init__(self, model: torch.nn.Module, schedule: Schedule, steps_per_epoch: int):
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.schedule = schedule
        self.adamw = torch.optim.AdamW(
            self.parameters, lr=schedule.lr, weight_decay=schedule.weight_decay, fused=True
        )
        total = steps_per_epoch * schedule.epochs
        warmup = min(total, max(1, round(schedule.warmup_epochs * steps_per_epoch)))
        self.rate = torch.optim.lr_scheduler.LambdaLR(
            self.adamw, lambda step: _linear(step, warmup, total)
        )

    def step(self) -> None:
        """Clip, update, advance the schedule, clear the gradients."""
        if self.schedule.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.schedule.max_grad_norm)
        self.adamw.step()
        self.rate.step()
        self.adamw.zero_grad(set_to_none=True)


def _linear(step: int, warmup: int, total: int) -> float:
    if step < warmup:
        return step / warmup
    return max(0.0, (total - step) / max(1, total - warmup))
