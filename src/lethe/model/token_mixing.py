"""How a model's tokens may be laid out so that each sees the tokens that it should, and no others.

Packed rows need a model that follows transformers' attention interface exactly. Families that mix
tokens in another way (alibi inside their own attention, attention sinks, convolutions, recurrent
states) run the same sequences as plain rows. ``lethe.model.batch_layout`` finds out which layouts
are right for a model.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.model import attached, attention, families

# From the fastest to the one that works for every causal model: one packed row; rows padded on the
# right; rows of equal length together, without any padding.
LAYOUTS = PACKED, PADDED, ALONE = ("packed", "padded", "alone")
# Each step computes one token with our cache, or the whole text again.
GENERATIONS = CACHED, RECOMPUTED = ("cached", "recomputed")
# Logits from the output layer and known scales and caps, or from the model's own forward pass after
# its decoder.
HEADS = KNOWN, OWN = ("known", "own")


@dataclass(frozen=True)
class Mixing:
    """What is right for a model, from ``LAYOUTS``, ``GENERATIONS`` and ``HEADS``.

    ``until``: the longest text, in tokens, for which ``layout`` and ``generation`` are right;
    ``beyond_layout`` and ``beyond_generation`` are right for longer ones. None: no such length.
    Both kinds of generation are None until the model generates for the first time.
    ``positions``: the largest number of positions that a model has; None: no limit is known.
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
        """The layout of a batch whose longest sequence has ``longest`` tokens."""
        return self.layout if self._short(longest) else self.beyond_layout

    def generation_of(self, longest: int) -> str:
        """How texts of up to ``longest`` tokens, prompt and answer, are generated."""
        return self.generation if self._short(longest) else self.beyond_generation

    def _short(self, longest: int) -> bool:
        return self.until is None or longest <= self.until


FASTEST = Mixing()
# For models that could not be probed: each text as plain transformers runs it, and the model's own
# forward pass.
SAFEST = Mixing(ALONE, RECOMPUTED, OWN, beyond_layout=ALONE, beyond_generation=RECOMPUTED)


def of(model) -> Mixing:
    """The layout that was chosen for a model by ``batch_layout.fit``, as ``checkpoint.load`` does.

    A model that came here in another way has transformers' own attention, to which packed texts
    would be one text: it runs plain texts. LetheError for one that needs what loading attaches.
    """
    chosen = attached.model_state(model).mixing
    if chosen is None:
        if families.of_type(model.config.model_type) == families.MASKED_DIFFUSION:
            raise LetheError(
                f"{type(model).__name__}: a masked-diffusion model needs an estimator; "
                "load it with lethe.model.checkpoint.load"
            )
        return FASTEST if attention.runs_packed(model) else SAFEST
    return chosen


def check_next_tokens(model) -> None:
    """LetheError if a model has no next-token logits, but an estimator."""
    if attached.model_state(model).estimator is not None:
        raise LetheError(
            "next-token logits and the states behind them: a masked-diffusion model has none; "
            "leave out what needs them"
        )


def check_lengths(
    model, lengths: Iterable[int], what: str = "a text", remedy: str | None = None
) -> None:
    """LetheError if the longest of these texts, which messages call ``what``, needs more positions
    than a model has; ``remedy`` is for texts of which ``max_length`` is not the limit."""
    most, longest = of(model).positions, max(lengths, default=0)
    if most is not None and longest > most:
        raise LetheError(
            f"{what} has {longest} tokens, but {type(model).__name__} has {most} positions; "
            + (remedy or f"set max_length to at most {most}")
        )
