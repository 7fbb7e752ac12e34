"""What ``lethe plan`` prints."""

from dataclasses import asdict
from typing import Any

from lethe.pipeline import disk
from lethe.pipeline.estimate import Assumed, Model


def as_text(models: list[Model], assumed: Assumed) -> str:
    """The plan as text."""
    lines = []
    for m in models:
        lines.append(f"{m.name}: {m.parameters / 1e9:.3g} billion weights")
        for kind, count in m.jobs.items():
            hours = f", {m.hours[kind]:.2f} GPU-hours" if kind in m.hours else ""
            lines.append(f"  {kind}: {count} jobs{hours}")
        lines.append(f"  together: {sum(m.hours.values()):.1f} GPU-hours")
        for kind, size in m.memory.items():
            gpus = f"{-(-size // assumed.gpu.memory):.0f} GPUs or more"
            lines.append(f"  GPU memory of {kind}: {disk.readable(size)}, {gpus}")
        for keep, size in m.disk.items():
            lines.append(f"  disk with checkpoints.keep {keep}: {disk.readable(size)}")
        if m.not_counted:
            lines.append(f"  not counted: {', '.join(m.not_counted)}")
    return "\n".join(lines)


def as_json(models: list[Model]) -> list[dict[str, Any]]:
    """The plan as plain values, in hours and bytes."""
    return [asdict(model) for model in models]
