"""Settings of how a loss is minimised, orthogonal to the loss: optimizer and gradient.

The variants are those of “Downgrade to Upgrade” (arXiv 2510.00761). Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from lethe.train.passes import Passes


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AdamW(_Choice):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"] = "adamw"


class SGD(_Choice):
    """The gradient itself."""

    name: Literal["sgd"] = "sgd"


class SignSGD(_Choice):
    """The sign of the gradient."""

    name: Literal["signsgd"] = "signsgd"


class SignAdam(_Choice):
    """The sign of Adam's direction."""

    name: Literal["signadam"] = "signadam"


class NBit(_Choice):
    """Adam's direction, rounded to 2^bits evenly spaced values."""

    name: Literal["nbit"] = "nbit"
    bits: int = Field(8, ge=1, le=16)


class Sophia(_Choice):
    """A momentum divided by a running diagonal of the curvature, clipped at ``clip``.

    ``curvature``: factor of the diagonal in the divisor; ``every``: steps between its updates.
    """

    name: Literal["sophia"] = "sophia"
    curvature: float = Field(50.0, gt=0)
    clip: float = Field(1.0, gt=0)
    every: int = Field(10, ge=1)


class Backpropagation(_Choice):
    """The exact gradient."""

    whole_weights: ClassVar[bool] = False
    name: Literal["backpropagation"] = "backpropagation"

    def passes(self, one: Passes) -> Passes:
        """A step's passes, given those of one evaluation with its gradient."""
        return one


class Zeroth(_Choice):
    """An estimate from central differences of the loss, ``radius`` to either side.

    It is the mean over ``directions`` random directions.
    """

    whole_weights: ClassVar[bool] = True
    name: Literal["zeroth"] = "zeroth"
    directions: int = Field(1, ge=1)
    radius: float = Field(1e-3, gt=0)

    def passes(self, one: Passes) -> Passes:
        """As ``Backpropagation.passes``: two evaluations a direction, none with its gradient."""
        return one.without_gradient(2 * self.directions)


class Hybrid(_Choice):
    """Alternates ``every`` steps with exact gradients and ``every`` with estimates, estimates last.

    The two kinds have optimizer states of their own.
    """

    whole_weights: ClassVar[bool] = True
    name: Literal["hybrid"] = "hybrid"
    every: int = Field(20, ge=1)
    directions: int = Field(1, ge=1)
    radius: float = Field(1e-3, gt=0)

    def passes(self, one: Passes) -> Passes:
        """As ``Backpropagation.passes``, for a step with the exact gradient."""
        return one


Optimizer = Annotated[AdamW | SGD | SignSGD | SignAdam | NBit | Sophia, Field(discriminator="name")]
Gradient = Annotated[Backpropagation | Zeroth | Hybrid, Field(discriminator="name")]


@dataclass(frozen=True)
class InnerStep:
    """One of the optimizer steps that a method takes on each batch.

    Inner steps of one name share an optimizer state; ``rate`` is relative to the schedule's.
    """

    name: str = ""
    rate: float = 1.0
