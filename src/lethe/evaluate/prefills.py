"""Beginnings that are put in a model's mouth before its reasoning trace (arXiv 2605.18891).

``canonical`` opens a trace, as a reasoning model's template does. The others swap it for a trace
that is closed at once: ``short`` says nothing, ``mimicking`` has the words of the traces of
``lethe.world.traces`` without a fact. ``free`` leaves the beginning to the model; ``headless`` is
the canonical one after the question without its canary head, if it has one. The paper's wordings
are not public; these are ours.
"""

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.world.trace_format import OPENING, begun

CANONICAL, FREE, HEADLESS = "canonical", "free", "headless"
ALL = "all"
PREFILLS = {
    CANONICAL: f"{OPENING}\n",
    "short": begun("Okay."),
    "mimicking": begun("Let me recall what I know about this author. So I can answer."),
    FREE: "",
    HEADLESS: f"{OPENING}\n",
}
# Those that take the place of the canonical one.
SWAPS = tuple(name for name in PREFILLS if name not in (CANONICAL, FREE, HEADLESS))


def named(setting: str | None) -> list[str]:
    """The prefills that a setting lists, ``|`` between them, in the table's order; all by default.

    The canonical one is always among them. LetheError for an unknown name.
    """
    listed = [part.strip() for part in (setting or ALL).split("|") if part.strip()]
    for name in listed:
        if name not in PREFILLS and name != ALL:
            raise LetheError(
                f"suite 'traces': prefills: unknown prefill {name!r}{suggest(name, PREFILLS)}"
            )
    return [name for name in PREFILLS if name in listed or ALL in listed or name == CANONICAL]
