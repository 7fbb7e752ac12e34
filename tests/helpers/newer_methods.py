"""The methods that are tried on models of other families and on real weights, in few steps."""

from lethe.unlearn import methods
from lethe.unlearn.method import MethodSettings

ADAPTERS = {"rank": 2, "alpha": 8, "dropout": 0.0, "targets": "all-linear"}
CAP = {"iterations": 2, "samples": 2, "rows": 2, "length": 2, "clusters": 2}
# Those of the representation, reinforcement, statistical and other methods, by what they are called
# here: the method, and its settings.
RUNS = {
    "lira": ("lira", {}),
    "adlira": ("adlira", {"attack_steps": 1}),
    "cap": ("cap", CAP),
    "asru": ("asru", {"rollouts": 2, "tokens": 4, "edit_epochs": 1, "strangers": 2}),
    "uls": ("uls", {"form": "uls"}),
    "uce": ("uls", {"form": "uce"}),
    "zero_unlearn": ("zero_unlearn", {"steps": 2}),
    "zero_unlearn_gd": ("zero_unlearn_gd", {"steps": 2}),
    "contrastive": ("contrastive", {}),
    "ofmu": ("ofmu", {}),
    "tpo": ("tpo", {}),
    "eco": ("eco", {"clusters": 2}),
    "uld": ("uld", {"epochs": 1, "layers": 1}),
    "sophia": ("npo", {"optimiser": {"name": "sophia"}}),
    "mpu, averaged": (
        "npo",
        {
            "wrappers": {
                "mpu": {"aggregation": "mean", "transforms": False, "copies": 2, "round_epochs": 2}
            }
        },
    ),
    "null_space": ("grad_diff", {"wrappers": {"null_space": {"energy": 0.5}}}),
    "lat": ("npo_retain", {"wrappers": {"lat": {"attack_steps": 1}}}),
    "sam, pcgrad": ("npo_retain", {"wrappers": {"sam": {}, "pcgrad": {}}}),
}
# They work on whole weights alone.
WHOLE = {"zero_unlearn", "zero_unlearn_gd", "uls", "uce", "asru", "mpu, averaged", "null_space"}
# They leave the weights as they are.
INTERVENTIONS = {"cap", "eco", "uld"}


def method_of(run: str, schedule: dict, **changes):
    """The method of a run; ``schedule``: the settings of those that are trained step by step."""
    name, settings = RUNS[run]
    kind = methods.load(name)
    trained = issubclass(kind.settings_class, MethodSettings)
    return kind({**(schedule if trained else {}), **settings, **changes}, name)
