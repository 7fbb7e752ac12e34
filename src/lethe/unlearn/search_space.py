"""The values that a search may try for a setting, declared as metadata of its field.

beta: Annotated[float, Range(0.05, 0.5, log=True)] = Field(0.1, gt=0)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; ``log``: evenly on a log scale.

    ``relative``: as factors of the configured value.
    """

    low: float
    high: float
    log: bool = False
    relative: bool = False

    def at(self, share: float, configured: float) -> float:
        """The value at a share in [0, 1] of the range, rounded to four significant digits."""
        if self.log:
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        return float(f"{value * configured if self.relative else value:.4g}")

    def share(self, value: float) -> float:
        """The share at which a configured value lies; that of the nearest end if it is outside."""
        inner = 1.0 if self.relative else value
        inner = min(max(inner, self.low), self.high)
        if self.log:
            return math.log(inner / self.low) / math.log(self.high / self.low)
        return (inner - self.low) / (self.high - self.low)

    def __str__(self) -> str:
        factor, scale = "× " if self.relative else "", " (log)" if self.log else ""
        return f"{factor}{self.low:g} to {self.high:g}{scale}"


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple

    def at(self, share: float, configured: Any) -> Any:
        """The value at a share in [0, 1)."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def share(self, value: Any) -> float:
        """The middle of the value's part of [0, 1]; of the first one's if it is none of them."""
        number = self.values.index(value) if value in self.values else 0
        return (number + 0.5) / len(self.values)

    def __str__(self) -> str:
        return " | ".join(map(str, self.values))


def declared(settings: type[BaseModel]) -> dict[str, Range | Choice]:
    """The ranges that a settings class declares, by field."""
    return {
        name: entry
        for name, field in settings.model_fields.items()
        for entry in field.metadata
        if isinstance(entry, Range | Choice)
    }


def drawn(ranges: dict, configured: BaseModel, shares: Sequence[float]) -> dict[str, Any]:
    """One value from each range, at the share drawn for it."""
    return {
        name: entry.at(share, getattr(configured, name))
        for (name, entry), share in zip(ranges.items(), shares, strict=True)
    }
