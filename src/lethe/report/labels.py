"""Display names of runs and evaluation sets, shared by tables and figures."""

BASE = "base"
FULL = "full"
# The one oracle of TOFU's splits; other splits name their own (``lethe.world.split``).
RETAIN = "retain"

_RUNS = {
    BASE: "Pretrained",
    FULL: "Finetune",
    RETAIN: "Retain",
    "grad_ascent": "Grad. Ascent",
    "grad_diff": "Grad. Diff.",
    "kl_min": "KL Min.",
    "idk": "Pref. Opt. (IDK)",
    "dpo": "DPO",
    "npo": "NPO",
    "npo_retain": "NPO + Retain",
    "npo_kl": "NPO + KL",
    "simnpo": "SimNPO",
    "altpo": "AltPO",
    "undial": "UNDIAL",
    "ce_u": "CE-U",
    "wga": "WGA",
    "satimp": "SatImp",
    "pdu": "PDU",
    "whp": "WHP",
    "rmu": "RMU",
    "ofmu": "OFMU",
    "lira": "LIRA",
    "adlira": "AdLIRA",
    "msa": "MSA",
    "mdu": "MDU",
    "task_vector": "Task Vector",
    "zero_unlearn": "ZeroUnlearn",
    "zero_unlearn_gd": "ZeroUnlearn (GD)",
    "uls": "ULS",
    "contrastive": "Contrastive",
    "asru": "ASRU",
    "guard_it": "GUARD-IT",
    "icul": "ICUL",
    "eco": "ECO",
    "uld": "ULD",
    "cap": "CAP",
    "tpo": "TPO",
    "prompt": "Prompt",
}
# Evaluation sets in the order in which TOFU's figures list them.
SETS = {
    "world_facts": "World Facts",
    "real_authors": "Real Authors",
    "retain": "Retain Set",
    "forget": "Forget Set",
}
# The sets whose numbers make up model utility, nearest to the forget set first.
UTILITY_SETS = ("retain", "real_authors", "world_facts")


def run_label(run: str) -> str:
    """The name of a run as a paper would print it; by default the run's own name, in words."""
    return _RUNS.get(run, run.replace("_", " "))
