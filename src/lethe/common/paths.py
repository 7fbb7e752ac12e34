"""Every path of a project's results, in one place.

The order never changes: world, model, split, run, seed. The functions return strings and
accept Snakemake wildcards such as ``"{split}"`` for any noun, so that rules and library share them.
"""

from hashlib import sha256
from pathlib import PurePosixPath

RESULTS = "results"
# Answers that cost money: outside results/, so that deleting results loses none.
JOURNALS = "journals"
# Stands in for the split in the path of a run that belongs to no split.
NO_SPLIT = "all"
# In the folder of a world's data: the files of a sequence's requests.
REQUESTS = "requests"
# Files of a checkpoint that the workflow tracks; config and tokenizer are beside them.
WEIGHTS = "model.safetensors"
DIGEST = "checkpoint.json"


def _join(*parts: str) -> str:
    return str(PurePosixPath(*parts))


def world(world: str) -> str:
    return _join(RESULTS, world)


def data(world: str, name: str = "") -> str:
    """A file of the world, named without its suffix; without a name, the folder."""
    folder = _join(RESULTS, world, "data")
    return _join(folder, f"{name}.json") if name else folder


def card(world: str, name: str = "README.md") -> str:
    """The data card, as the hub expects it beside the data, and the figures it shows."""
    return _join(data(world), name)


def stage(world: str, cohort: str, stage: str) -> str:
    """The output of a stage of author generation; ``cohort`` is ``authors`` or ``background``."""
    return _join(RESULTS, world, "stages", cohort, f"{stage}.json")


def journal(world: str) -> str:
    """Every answer that a service gave for a world."""
    return _join(JOURNALS, f"{world}.sqlite")


def base(world: str, model: str) -> str:
    """Folder of the base checkpoint."""
    return _join(RESULTS, world, model, "base")


def recipe(name: str, *file: str) -> str:
    """A file of what a recipe makes; without one, the folder. It belongs to no world."""
    return _join(RESULTS, "recipes", name, *file)


def snapshot(world: str, model: str, percent: str | int) -> str:
    """Folder of the base checkpoint as it was after a given percentage of its training."""
    return _join(RESULTS, world, model, "snapshots", f"percent{percent}")


def run(world: str, model: str, split: str, run: str, seed: str | int) -> str:
    """Folder of one run: ``run`` is ``full``, an oracle's role or a method."""
    return _join(RESULTS, world, model, split, run, f"seed{seed}")


def trained(world: str, model: str, split: str, run_name: str, seed: str | int) -> str:
    """Folder of the single checkpoint of ``full``, ``random`` or a split's oracle."""
    place = NO_SPLIT if run_name in ("full", "random") else split
    return _join(run(world, model, place, run_name, seed), "checkpoint")


def made(world: str, model: str, split: str, run_name: str, seed: str | int, name: str) -> str:
    """A file ``name`` that the full model of a seed makes from the forget set, for methods."""
    return _join(run(world, model, split, run_name, seed), name)


def epoch(run_folder: str, number: str | int) -> str:
    """Folder of the checkpoint that a run left after an epoch."""
    return _join(run_folder, f"epoch{number}")


def best(run_folder: str) -> str:
    """Folder of the checkpoint of a run's best epoch, if no other is kept."""
    return _join(run_folder, "best")


def last(run_folder: str) -> str:
    """Folder of the checkpoint that a run ended with, if it may end before its last epoch."""
    return _join(run_folder, "last")


def best_epoch(run_folder: str) -> str:
    """The number of a run's best epoch."""
    return _join(run_folder, "best_epoch.json")


def state(run_folder: str, name: str) -> str:
    """Folder of a run's last checkpoint after an attack; holds records and metrics as a run does.

    The run belongs to a split even if its checkpoint (``full``) does not.
    """
    return _join(run_folder, "states", name)


def audit(run_folder: str, name: str) -> str:
    """A file of a run's audit: ``answers.json``, ``audit.json``, ``audit.html``."""
    return _join(run_folder, "audit", name)


def supervision(run_folder: str, kind: str, name: str) -> str:
    """A file of what a run's model says about the names that are to be forgotten."""
    return _join(run_folder, "supervision", kind, name)


def search(run_folder: str) -> str:
    """The ranked trials of a method's search; the trials are runs beside that one."""
    return _join(run_folder, "search.json")


def search_batch(run_folder: str, number: int) -> str:
    """What the trials of one batch of a search are, as they were proposed."""
    return _join(run_folder, "proposed", f"batch{number}.json")


def state_checkpoint(state_folder: str) -> str:
    return _join(state_folder, "checkpoint")


def line(run_folder: str, other: str, seed: str | int) -> str:
    """Losses on the line from a run's last checkpoint to that of another run and seed."""
    return _join(run_folder, "lines", f"{other}_seed{seed}.json")


def harness(run_folder: str) -> str:
    """What lm-evaluation-harness says about a run's last checkpoint."""
    return _join(run_folder, "lm_eval.json")


def defence_pair(run_folder: str) -> str:
    """What the second defence of a pair did to the first; the run is named after both."""
    return _join(run_folder, "defence_pair.json")


def pool_values(run_folder: str) -> str:
    """What all metrics say about a model of a pool."""
    return _join(run_folder, "values.json")


def meta_evaluation(world: str, model: str, split: str) -> str:
    """How far each metric can be trusted, for one model and split."""
    return _join(RESULTS, world, model, split, "meta_evaluation.json")


def lineage(world: str, model: str, split: str, seed: str | int) -> str:
    """Which models of one seed descend from what is to be forgotten."""
    return _join(RESULTS, world, model, split, f"lineage_seed{seed}.json")


def records(run_folder: str, suite: str = "tofu") -> str:
    return _join(run_folder, "records", f"{suite}.json")


def metric(run_folder: str, name: str) -> str:
    return _join(run_folder, "metrics", f"{name}.json")


def cost(folder: str, stage: str) -> str:
    """The cost of a job (time, memory, throughput); never part of a metric file."""
    return _join(folder, "cost", f"{stage}.json")


def table(world: str, name: str) -> str:
    return _join(RESULTS, world, "tables", name)


def figure(world: str, model: str, split: str, name: str) -> str:
    """A figure's path without its suffix."""
    return _join(RESULTS, world, "figures", model, split, name)


def paper(world: str, *name: str) -> str:
    """An exhibit of the paper, by its name with suffix."""
    return _join(RESULTS, world, "paper", *name)


def study(name: str) -> str:
    """A study of a method without a language model: it belongs to no world."""
    return _join(RESULTS, "studies", name)


def job(output: str) -> str:
    """Hidden working folder of the job with that first output, until it has finished."""
    return _join(RESULTS, f".job-{sha256(output.encode()).hexdigest()[:16]}")


def log(*parts: str) -> str:
    return _join(RESULTS, "logs", *parts) + ".log"
