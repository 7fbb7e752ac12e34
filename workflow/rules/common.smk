# Shared by all rules: the checked configuration, and helpers for params.

from copy import deepcopy
from itertools import product

from snakemake.exceptions import WorkflowError

from lethe import metrics
from lethe.common import paths
from lethe.evaluate import attack, suite
from lethe.model import architecture, checkpoint_check
from lethe.pipeline import (
    best_epoch,
    chains,
    defences,
    disk,
    external_checkpoints,
    harness,
    in_run,
    interpolation,
    interpreter,
    languages,
    needs,
    pictures,
    recipe,
    requests,
    search,
    search_chains,
    search_points,
    splits,
    states,
    strategies,
)
from lethe.pipeline import supervisions as made_supervisions
from lethe.pipeline.code_digest import digest
from lethe.pipeline.config import load, settings, strict_yaml
from lethe.pipeline.config.check import check
from lethe.report import figures, studies, tables
from lethe.report.paper import exhibit
from lethe.report.paper import logs as paper_logs
from lethe.report.suffixes import suffixes
from lethe.train import recipe as learning
from lethe.train import tracking
from lethe.unlearn import methods
from lethe.unlearn.need import MadeFile
from lethe.unlearn.needs import from_source
from lethe.world import split as split_kinds
from lethe.world import tofu_format
from lethe.world.generated import STAGES, STEPS, steps
from lethe.world.generated.prompt_files import prompt
from lethe.world.provider import PROVIDERS
from lethe.world.synthetic import lesson

try:
    if IMPORTED:
        # An importer's `config:` disables the configfile above. Its dictionary is not changed.
        defaults = strict_yaml.read_config(workflow_files.defaults())
        config = load.laid_over(defaults, deepcopy(config))
    else:
        load.restore_empty(config, workflow.config_settings.overwrite_config)
    if workflow.is_main_process:
        interpreter.check(workflow.deployment_settings.deployment_method)
    if workflow.is_main_process and not IMPORTED:
        strict_yaml.check_files(workflow.configfiles)
        strict_yaml.check_overlays(workflow.config_settings.configfiles)
    CONFIG = load.build(config)
except LetheError as error:
    refused(error)


def before_anything():
    """Refuse bad settings, before any job runs."""
    try:
        check(CONFIG)
        search.check(CONFIG)
        disk.check(CONFIG)
        harness.check_deployment(CONFIG, workflow.deployment_settings.deployment_method)
        in_run.check_deployment(
            CONFIG,
            [
                method.name.lower()
                for method in workflow.deployment_settings.deployment_method
            ],
        )
        tracking.check(CONFIG.tracking, workflow.deployment_settings.deployment_method)
        paper_logs.check(CONFIG.logs)
    except LetheError as error:
        refused(error)


if workflow.is_main_process:
    before_anything()

# Read by scripts: address, device and the like, which change no result and are not params.
config.update(CONFIG.model_dump(mode="json"))
WORLD = CONFIG.world.name
# The listed splits, and those of a sequence of requests.
SPLITS = {**splits.of_config(CONFIG), **requests.of_config(CONFIG)}
MADE_NEEDS = from_source(MadeFile)
TRIALS = search.all_trials(CONFIG)
CHAINS = search_chains.of_config(CONFIG)
# Trials that are yet to be proposed, and what they may be.
AWAITED = search_chains.placeholders(CONFIG)
OPTIONS = search_chains.options(CONFIG)
# The configuration as it is written, of which the chains are made.
WRITTEN = CONFIG
# Each trial is a method of its own, with a run like any other.
CONFIG = CONFIG.with_methods({**TRIALS, **AWAITED, **OPTIONS})


@cache
def code(script, *modules):
    """The digest of a script's code; modules that it loads by name at run time are passed here."""
    return digest(ROOT / "workflow/scripts" / script, *modules)


def one_of(names):
    """A pattern that matches only these names; nothing if there are none."""
    return "|".join(names) or "(?!)"


def split_file(part):
    """The file of one part of a rule's split."""
    return lambda wildcards: paths.data(WORLD, SPLITS[wildcards.split].files[part])


def oracle_of(split):
    """The run of a split's default oracle."""
    return SPLITS[split].oracle.role


def is_oracle(run, split):
    """Whether a run is an oracle of a split; False without a split (None)."""
    return split is not None and run in SPLITS[split].roles


def one_setting(key):
    """A setting of a rule's model."""
    return lambda wildcards: settings.model_value(CONFIG, wildcards.model, key)


def cores(kind):
    """Processor cores of a job: the threads of each of its processes."""
    return getattr(CONFIG.threads, kind) * CONFIG.compute.processes


def loading(wildcards):
    """The dtype and attention that a rule's model is loaded with."""
    return CONFIG.model_settings[wildcards.model].loading()


def training(stage):
    """Which weights of a rule's model are trained, and in which dtype."""
    return lambda w: CONFIG.model_settings[w.model].training(stage)


KEEP = CONFIG.checkpoints.keep


def checkpoint_files(folder, stays=True):
    """The outputs of a checkpoint: the weights, and the small digest file that tracks changes."""
    weights = f"{folder}/{paths.WEIGHTS}"
    if not stays:
        weights = temp(weights)
    elif CONFIG.checkpoints.protect:
        weights = protected(weights)
    return {"weights": weights, "digest": f"{folder}/{paths.DIGEST}"}


def parent(folder):
    """A checkpoint as input: it must exist, but changes are tracked by its digest file alone."""
    return {
        "parent": f"{folder}/{paths.DIGEST}",
        "parent_weights": ancient(f"{folder}/{paths.WEIGHTS}"),
    }


@cache
def measured(metric, split):
    """Whether a split has the rows that a metric asks about."""
    return splits.lacks(metric, SPLITS[split]) is None


def runs_of(split):
    """(run, seed) of everything that is evaluated on a split."""
    # All seeds share the base.
    base = [("base", CONFIG.seeds[0])] if CONFIG.evaluation.base else []
    trained = [("full", seed) for seed in CONFIG.seeds]
    seeds = [*CONFIG.seeds, *CONFIG.oracle_seeds]
    oracles = [(role, seed) for role in SPLITS[split].roles for seed in seeds]
    unlearned = [(name, seed) for name in CONFIG.methods for seed in CONFIG.seeds]
    return base + trained + oracles + unlearned
