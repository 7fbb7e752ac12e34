"""How a model's tokens may be laid out, so that each sees what it shall see and nothing else.

Packed rows need an attention that takes transformers' attention interface at its word. Families
that mix tokens in another way (alibi inside their own attention, attention sinks, convolutions,
recurrent states) run the same sequences as plain rows. ``lethe.model.batch_layout`` finds out which
it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.model import attached

# From the fastest to the one that every causal model can: one packed row; rows padded on the right;
# rows of equal length together, without any padding.
LAYOUTS = PACKED, PADDED, ALONE = ("packed", "padded", "alone")
# One token a step with a cache of ours; or each step the whole text anew.
GENERATIONS = CACHED, RECOMPUTED = ("cached", "recomputed")
# Logits by what is known of families, or by the model's own forward pass behind its decoder.
HEADS = KNOWN, OWN = ("known", "own")


@dataclass(frozen=True)
class Mixing:
    """What is right for a model: of ``LAYOUTS``, ``GENERATIONS`` and ``HEADS``.

    ``until``: the longest text, in tokens, of which ``layout`` and ``generation`` are true; of
    longer ones ``beyond_layout`` and ``beyond_generation`` are. None: there is no such length.
    Of a model that has generated nothing yet it may not be known how it does: None, twice.
    ``positions``: the most that a model has; None: no end is known.
    """

    layout: str = PACKED
    generation: str | None = CACHED
    head: str = KNOWN
    until: int | None = None
    beyond_layout: str = PACKED
    beyond_generation: str | None = CACHED
    positions: int | None = None

    def __post_init__(self):
        known = {"layout": LAYOUTS, "generation": (*GENERATIONS, None)}
        known |= {f"beyond_{name}": values for name, values in known.items()} | {"head": HEADS}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name}: {getattr(self, name)}")

    def layout_of(self, longest: int) -> str:
        """The layout of a batch whose longest sequence has so many tokens."""
        return self.layout if self._short(longest) else self.beyond_layout

    def generation_of(self, longest: int) -> str:
        """How texts of up to so many tokens, prompt and answer, are generated."""
        return self.generation if self._short(longest) else self.beyond_generation

    def _short(self, longest: int) -> bool:
        return self.until is None or longest <= self.until


FASTEST = Mixing()
# Each text as plain transformers has it, by the model's own forward pass: where nothing could be
# tried.
SAFEST = Mixing(ALONE, RECOMPUTED, OWN, beyond_layout=ALONE, beyond_generation=RECOMPUTED)


def of(model) -> Mixing:
    """What was found for a model; the fastest, if it was never asked."""
    return attached.model_state(model).mixing or FASTEST


def check_lengths(model, lengths: Iterable[int], what: str = "a text") -> None:
    """LetheError where a model has no positions for the longest of ``what`` there is to run."""
    most, longest = of(model).positions, max(lengths, default=0)
    if most is not None and longest > most:
        raise LetheError(
            f"{what} has {longest} tokens, and {type(model).__name__} has {most} positions; "
            f"set max_length to {most} at the most"
        )
