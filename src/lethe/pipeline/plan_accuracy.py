"""How good plans are: by their tool calls, against the best known ones and two controls.

LMMP (2605.04777) measures planners by tool-call accuracy [RECON]. The best known plans are written
by hand from what the papers of the methods say of their own settings, and by the authors of the
task library: the accuracy says that rules and plans agree, not that the plans are good. How often
plans succeed, their runs say (``lethe.pipeline.plan_success``).
"""

from collections.abc import Mapping
from random import Random
from statistics import fmean
from typing import Any

from lethe.pipeline.card import Card
from lethe.pipeline.planner import subject, suggest
from lethe.pipeline.task_library import METHODS
from lethe.unlearn import methods

# Draws of the planner by chance, of which the mean is taken.
DRAWS = 20
RETAINED = {"npo_retain": {"retain_weight": 5}}
# Requests, and the methods, settings and attacks of the best known plan.
BEST_KNOWN: tuple[tuple[Card, dict[str, Any]], ...] = (
    (Card(), {"methods": ["npo_retain", "simnpo", "rmu"], "method_settings": RETAINED}),
    (Card(budget="little"), {"methods": ["npo_retain"], "method_settings": RETAINED}),
    (Card(inference_only=True), {"methods": ["guard_it", "eco"]}),
    (
        Card(forget=1, authors=20, inference_only=True),
        {"methods": ["icul", "guard_it", "eco"]},
    ),
    (Card(inference_only=True, retain=False), {"methods": ["prompt"]}),
    (Card(retain=False), {"methods": ["undial", "npo", "whp"]}),
    (
        Card(prior=True),
        {"methods": ["msa", "npo_retain", "rmu"], "method_settings": RETAINED},
    ),
    (
        Card(prior=True, retain=False),
        {"methods": ["msa", "task_vector", "npo"], "method_settings": {"msa": {"beta": 0}}},
    ),
    (
        Card(forget=2, authors=20),
        {
            "methods": ["zero_unlearn", "npo_retain", "simnpo"],
            "method_settings": RETAINED,
            "unlearning": {"epochs": 10},
        },
    ),
    (
        Card(forget=30, budget="much"),
        {
            "methods": ["npo_retain", "simnpo", "rmu", "grad_diff"],
            "method_settings": RETAINED,
            "unlearning": {"epochs": 3},
            "attacks": ["relearned", "quantised4"],
        },
    ),
)


def at_random(card: Card, seed: int) -> dict[str, Any]:
    """A plan by chance: as many methods as the budget allows, of all there are."""
    rng = Random(f"suggest/{seed}")
    chosen = rng.sample(methods.for_causal(), METHODS[card.budget])
    attacks = {"attacks": ["relearned"]} if rng.random() < 0.5 else {}
    return {**subject(card), "methods": sorted(chosen), **attacks}


def calls(config: Mapping[str, Any]) -> set[str]:
    """The tool calls of a plan: methods with their settings, attacks, a schedule of its own."""
    said = {f"attack({name})" for name in config.get("attacks", ())}
    settings = config.get("method_settings", {})
    for name in config.get("methods", ()):
        own = "".join(f", {key}={value}" for key, value in sorted(settings.get(name, {}).items()))
        said.add(f"unlearn({name}{own})")
    if "epochs" in config.get("unlearning", {}):
        said.add(f"epochs({config['unlearning']['epochs']})")
    return said


def accuracy(suggested: Mapping[str, Any], best: Mapping[str, Any]) -> float:
    """Calls in both plans as a share of the calls in either [RECON]."""
    own, known = calls(suggested), calls(best)
    return len(own & known) / len(own | known) if own | known else 1.0


def measured() -> dict[str, float]:
    """Mean accuracy over the known requests: with the library, without it, and by chance."""
    with_library = [accuracy(suggest(card).config, best) for card, best in BEST_KNOWN]
    without = [accuracy(suggest(card, library=False).config, best) for card, best in BEST_KNOWN]
    chance = [
        accuracy(at_random(card, seed), best) for card, best in BEST_KNOWN for seed in range(DRAWS)
    ]
    return {
        "with the task library": fmean(with_library),
        "without it": fmean(without),
        "at random": fmean(chance),
    }
