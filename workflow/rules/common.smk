# What all rules share: the checked configuration, and what a rule's params are made of.

from copy import deepcopy
from itertools import product

from snakemake.exceptions import WorkflowError

from lethe import metrics
from lethe.common import paths
from lethe.evaluate import attack, suite
from lethe.model import architecture, checkpoint_check
from lethe.pipeline import (
    chains,
    disk,
    external_checkpoints,
    interpreter,
    search,
    splits,
)
from lethe.pipeline.code_digest import digest
from lethe.pipeline.config import load, settings, strict_yaml
from lethe.pipeline.config.check import check
from lethe.report import figures, studies, tables
from lethe.report.paper import exhibit
from lethe.report.paper import logs as paper_logs
from lethe.report.suffixes import suffixes
from lethe.train import tracking
from lethe.unlearn import methods
from lethe.world import split as split_kinds
from lethe.world import tofu_format
from lethe.world.generated import STAGES, STEPS, steps
from lethe.world.generated.prompt_files import prompt
from lethe.world.provider import PROVIDERS

try:
    if IMPORTED:
        # An importer's `config:` puts the configfile above out of action. Its dictionary stays as it is.
        defaults = strict_yaml.read_config(workflow_files.defaults())
        config = load.laid_over(defaults, deepcopy(config))
    if workflow.is_main_process:
        interpreter.check(workflow.deployment_settings.deployment_method)
    if workflow.is_main_process and not IMPORTED:
        strict_yaml.check_files(workflow.configfiles)
    CONFIG = load.build(config)
except LetheError as error:
    refused(error)


def before_anything():
    """Refuse bad settings, before any job runs."""
    try:
        check(CONFIG)
        search.check(CONFIG)
        disk.check(CONFIG)
        tracking.check(CONFIG.tracking)
        paper_logs.check(CONFIG.logs)
    except LetheError as error:
        refused(error)


if workflow.is_main_process:
    before_anything()

# What scripts read: address, device and the like, which change no result and are no params.
config.update(CONFIG.model_dump(mode="json"))
WORLD = CONFIG.world.name
SPLITS = splits.of_config(CONFIG)
TRIALS = search.all_trials(CONFIG)
# A trial is a method of its own, with a run like any other.
CONFIG = CONFIG.with_methods(TRIALS)


@cache
def code(script, *modules):
    """A digest of what a script does; modules found by name at run time are named here."""
    return digest(ROOT / "workflow/scripts" / script, *modules)


def one_of(names):
    """A pattern of these names alone; of nothing if there are none."""
    return "|".join(names) or "(?!)"


def split_file(part):
    """A file of a rule's split, by the part that it plays."""
    return lambda wildcards: paths.data(WORLD, SPLITS[wildcards.split].files[part])


def oracle_of(split):
    """The run of the oracle that a split is held against where one is wanted."""
    return SPLITS[split].oracle.role


def is_oracle(run, split):
    """Whether a run is an oracle of a split; of no split (None) there is none."""
    return split is not None and run in SPLITS[split].roles


def one_setting(key):
    """A setting of a rule's model."""
    return lambda wildcards: settings.model_value(CONFIG, wildcards.model, key)


def cores(kind):
    """Processor cores of a job: the threads of each of its processes."""
    return getattr(CONFIG.threads, kind) * CONFIG.compute.processes


def loading(wildcards):
    """In which numbers a rule's model is loaded, and how it attends."""
    return CONFIG.model_settings[wildcards.model].loading()


def training(stage):
    """What of a rule's model is trained, and in which numbers."""
    return lambda w: CONFIG.model_settings[w.model].training(stage)


KEEP = CONFIG.checkpoints.keep


def checkpoint_files(folder, stays=True):
    """What tracks a checkpoint: the weights, and the small file that tells whether they changed."""
    weights = f"{folder}/{paths.WEIGHTS}"
    if not stays:
        weights = temp(weights)
    elif CONFIG.checkpoints.protect:
        weights = protected(weights)
    return {"weights": weights, "digest": f"{folder}/{paths.DIGEST}"}


def parent(folder):
    """A checkpoint as input: needed to be there, but compared by its digest file alone."""
    return {
        "parent": f"{folder}/{paths.DIGEST}",
        "parent_weights": ancient(f"{folder}/{paths.WEIGHTS}"),
    }


def runs_of(split):
    """(run, seed) of everything that is evaluated on a split."""
    # The base is one for all seeds.
    base = [("base", CONFIG.seeds[0])] if CONFIG.evaluation.base else []
    trained = [("full", seed) for seed in CONFIG.seeds]
    seeds = [*CONFIG.seeds, *CONFIG.oracle_seeds]
    oracles = [(role, seed) for role in SPLITS[split].roles for seed in seeds]
    unlearned = [(name, seed) for name in CONFIG.methods for seed in CONFIG.seeds]
    return base + trained + oracles + unlearned
