# The files of an unlearning run, and which checkpoints stay on disk.

from collections import namedtuple

from lethe.unlearn.files import in_folder
from lethe.unlearn.need import BaseCheckpoint, PreviousStart, SplitFile, WorldFile
from lethe.unlearn.needs import NEEDS

# --- unlearn ---


def method_run(method):
    return paths.run(WORLD, "{model}", "{split}", method, "{seed}")


# The splits whose runs start from those on another, and on which.
FOLLOWED = chains.followed(CONFIG)


def begin_folders(method, wildcards, back=0):
    """What a run starts from, or (``back`` 1) the run before it; nothing if that is external."""
    w = wildcards
    before = list(chains.chain(CONFIG, method, w.split))[back:]
    if not before:
        return trained_folders(w, "full")
    run, split = before[0]
    folder = paths.run(WORLD, w.model, split, run, w.seed)
    return [paths.epoch(folder, max(epochs_of(run)))]


def begin_files(method):
    """The checkpoint that a run starts from: full, or the end of another run."""

    def files(wildcards):
        folders = begin_folders(method, wildcards)
        if not folders:
            return {}
        # A start that consists of adapters depends on what its run came from.
        under = adapted_folders(wildcards, "full")
        if folders != trained_folders(wildcards, "full"):
            more = origin_folders(method, wildcards)[1:]
            under = more + under if trains_adapters(wildcards, "unlearn") else []
        return parent(folders[0]) | there(under)

    return files


def begin_given(method):
    """The external checkpoint that a run starts from; None if it is ours."""
    return lambda w: None if begin_folders(method, w) else given_full(w)


def base_or_snapshot(method, source):
    """What a run uses as the base: our folders, or what is external if there are none."""
    chosen = needs.base_or(CONFIG, method, source.setting)

    def folders(wildcards):
        if isinstance(chosen, int):
            return [paths.snapshot(WORLD, wildcards.model, chosen)]
        return base_folders(wildcards.model) if chosen == "base" else []

    given = one_setting("base_checkpoint") if chosen == "base" else lambda w: chosen
    return folders, given


def other_checkpoints(method):
    """The checkpoints besides the start, by need: our folders, or the external one instead."""
    found = {}
    for need in needs.of_method(CONFIG, method):
        match need.source:
            case BaseCheckpoint():
                found[need.name] = base_or_snapshot(method, need.source)
            case PreviousStart():
                folders = lambda w: begin_folders(method, w, back=1)
                found[need.name] = folders, given_full
    return found


def checkpoint_inputs(method):
    """Checkpoints besides the start as inputs: they must exist, and their digests are compared."""

    def files(folders, name):
        return lambda w: next((f"{folder}/{name}" for folder in folders(w)), [])

    found = {}
    for need, (folders, _) in other_checkpoints(method).items():
        found[need] = files(folders, paths.DIGEST)
        found[f"{need}_weights"] = ancient(files(folders, paths.WEIGHTS))
    return found


def checkpoints_given(method):
    """The external checkpoint for each need; None if it is ours."""

    def given(wildcards):
        return {
            need: None if folders(wildcards) else instead(wildcards)
            for need, (folders, instead) in other_checkpoints(method).items()
        }

    return given


def made_file(source):
    return paths.made(WORLD, "{model}", "{split}", source.run, "{seed}", source.name)


def data_file(source):
    """A file of the world, or of a rule's split."""
    folder = paths.data(WORLD)
    return lambda w: in_folder(source, folder, SPLITS[w.split]).as_posix()


def made_needs(method, chained=False):
    """The needs of a run whose files a rule makes; not those that the run computes by itself.

    ``chained``: of a run that starts from that on another split.
    """
    # The files are the full model's; a run with another start computes its own.
    own = chained or next(chains.chain(CONFIG, method, ""), None) is not None
    own = own or made_supervisions.of_method(CONFIG, method) in CONFIG.supervisions
    made = [need for need in needs.of_method(CONFIG, method) if need.is_made]
    return [need for need in made if not (own and need.source.by_run)]


def method_inputs(method, chained=False):
    """The data that a method declares it needs, and nothing else."""
    inputs = {"forget": split_file("forget")}
    for need in needs.of_method(CONFIG, method):
        if isinstance(need.source, SplitFile | WorldFile):
            inputs[need.name] = data_file(need.source)
    inputs |= {
        need.name: made_file(need.source) for need in made_needs(method, chained)
    }
    return inputs | supervised_inputs(method) | checkpoint_inputs(method)


def need_modules(method):
    """The modules of a method's needs, which are loaded by name, for the code digest."""
    return [NEEDS.module(need.name) for need in needs.of_method(CONFIG, method)]


def wrapper_modules(method):
    """The modules of a method's wrappers, which are loaded by name, for the code digest."""
    wrappers = settings.method(CONFIG, method).wrappers
    return [f"lethe.unlearn.wrappers.{wrapper.name}" for wrapper in wrappers]


def unlisted_methods():
    """Variants with settings that are not listed: runs that only some exhibits use."""
    return {
        name: given.method
        for name, given in CONFIG.method_settings.items()
        if given.method
        and name not in CONFIG.methods
        and name not in {*TRIALS, *AWAITED, *OPTIONS}
    }


@cache
def epochs_of(method):
    return range(1, settings.method(CONFIG, method).epochs + 1)


def written_epochs(method, stay):
    """The epochs whose checkpoints are written: all, where evaluation reads them."""
    epochs = epochs_of(method)
    return in_run.written(stay, len(epochs)) if ASKED_IN_RUN else epochs


def written_folders(method, stay):
    """The folders of the checkpoints that a run leaves, and whether each stays."""
    run = method_run(method)
    if ENDED_IN_RUN:
        return {paths.last(run): bool(stay)}
    epochs = written_epochs(method, stay)
    return {paths.epoch(run, epoch): epoch in stay for epoch in epochs}


# How a method is run on some splits. ``stay``: the epochs whose weights are kept;
# ``chained``: whether each run starts from that on the split before, as with requests.
UnlearnRule = namedtuple("UnlearnRule", "name method splits stay chained")


def unlearn_rules():
    """A rule for each method, and further ones for methods that answer requests in sequence."""
    first = [name for name in CONFIG.splits if name not in FOLLOWED]
    for name in [*CONFIG.methods, *unlisted_methods(), *TRIALS]:
        stay = disk.kept_epochs(KEEP, len(epochs_of(name)))
        yield UnlearnRule(f"unlearn_{name}", name, first, stay, False)
        if FOLLOWED:
            yield UnlearnRule(f"unlearn_next_{name}", name, list(FOLLOWED), stay, True)
    yield from request_rules()


@cache
def methods_by_rule():
    """The methods that such a rule, or that of a trial yet to be proposed, may run, by its name."""
    return {one.name: [one.method] for one in unlearn_rules()} | {
        f"unlearn_{name}": search_chains.option_names(WRITTEN, chain)
        for chain in CHAINS
        for name in search_chains.trial_names(WRITTEN, chain)[1:]
    }


def epoch_weights(method, stay):
    """The weights of every epoch; those not to be kept are deleted after evaluation."""
    files = {
        f"{folder}/{paths.WEIGHTS}": stays
        for folder, stays in written_folders(method, stay).items()
    }
    return [file if stays else temp(file) for file, stays in files.items()]


# --- evaluation in the run ---


# The suites that methods' trainings ask, where epochs that are dropped shall not be written.
ASKED_IN_RUN = in_run.suites_of(CONFIG)
# Whether these trainings choose the best epoch, and whether they may end before their last.
CHOSEN_IN_RUN = in_run.chooses(CONFIG)
ENDED_IN_RUN = in_run.stops(CONFIG)


def asked_methods():
    """The runs that are evaluated while they train."""
    return sorted({one.method for one in unlearn_rules()}) if ASKED_IN_RUN else []


def but_not(runs):
    """A pattern of all runs but these, as a part of a path."""
    return f"(?!({one_of(runs)})(/|$))[a-z][a-z0-9_]*"


def collected_runs():
    """A pattern of the runs whose records a job of their own collects."""
    return but_not(asked_methods())


def asked_rows(name):
    """The data files of a suite's sets."""
    contract = suite.contract(name)
    return lambda w: [
        paths.data(WORLD, file)
        for file in contract.files(SPLITS[w.split].files).values()
    ]


def in_run_inputs():
    """The rows of the suites; what epochs are scored against, where the best is chosen."""
    rows = {f"asked_{name}": asked_rows(name) for name in ASKED_IN_RUN}
    if not CHOSEN_IN_RUN:
        return rows
    full = paths.run(WORLD, "{model}", "{split}", "full", "{seed}")
    return rows | {
        "compared_oracle": oracle_metric("truth_ratio"),
        "compared_full": paths.metric(full, "model_utility"),
    }


def in_run_outputs(method):
    """The records of a run; the best epoch and its checkpoint, where that stays."""
    run = method_run(method)
    files = {f"records_{name}": paths.records(run, name) for name in ASKED_IN_RUN}
    if not CHOSEN_IN_RUN:
        return files
    # All that ``collect`` would make, lest a change be missed once it is to make them: Snakemake
    # compares parameters only where it knows every output.
    for name in ASKED_IN_RUN:
        files[f"cost_{name}"] = paths.cost(run, f"collect_{name}")
    if KEEP == "best":
        best = checkpoint_files(paths.best(run)).items()
        files |= {f"best_{name}": file for name, file in best}
        files["best_epoch"] = paths.best_epoch(run)
    return files


def in_run_params(method, stay):
    """How the suites are asked, as ``collect`` is told; nothing where that is off."""
    if not ASKED_IN_RUN:
        return {}
    limits = {
        key: getattr(CONFIG.evaluation, key) for key in ("max_length", "max_new_tokens")
    }

    def asked(wildcards):
        files = SPLITS[wildcards.split].files
        return {
            name: {
                "sets": list(suite.contract(name).files(files)),
                "most": settings.most_of_suite(CONFIG, name),
                "settings": settings.suite_settings(CONFIG, name),
            }
            for name in ASKED_IN_RUN
        }

    return {
        "asked": asked,
        "limits": limits,
        "asking_threads": CONFIG.threads.collect,
        "written": [] if ENDED_IN_RUN else list(written_epochs(method, stay)),
        "epochs": list(epochs_of(method)),
        **in_run.choice(CONFIG),
    }


def unlearn_script():
    """Only a script that evaluates has the code of evaluation in its digest, and so on."""
    if CHOSEN_IN_RUN:
        return "unlearn_best.py"
    return "unlearn_in_run.py" if ASKED_IN_RUN else "unlearn.py"


def asked_modules():
    suites = [f"lethe.evaluate.suites.{name}" for name in ASKED_IN_RUN]
    chosen_by = in_run.choosing_metrics() if CHOSEN_IN_RUN else []
    return suites + [f"lethe.metrics.{name}" for name in chosen_by]


# --- disk ---


def planned_checkpoints():
    """The checkpoints that planned jobs write, with their sizes."""
    for job in our_jobs():
        for file in job.output:
            # What a recipe makes is small by definition, and belongs to no model.
            if not file.endswith(paths.WEIGHTS) or "recipe" in job.wildcards.keys():
                continue
            stages = {"unlearn": "unlearn", "best": "unlearn", "train": "finetune"}
            stage = stages.get(name_here(job.rule.name).partition("_")[0], "whole")
            size = disk.size_of(CONFIG, job.wildcards.model, stage)
            yield disk.Made(str(file), size, not file.is_temp, str(job.output[0]))


def jobs_at_once():
    """The largest number of jobs that may run in parallel."""
    names = ["_cores" if workflow.local_exec else "_nodes", "gpu"]
    found = [workflow.global_resources.get(name) for name in names]
    limits = [getattr(resource, "value", resource) for resource in found]
    return max(1, min(limit for limit in limits if isinstance(limit, int)))


def check_room():
    """Report what the run takes on disk; refuse what cannot fit."""
    try:
        made = list(planned_checkpoints())
    except LetheError as error:
        print(f"Disk: need not known before the run, {error}", file=sys.stderr)
        return
    if made:
        try:
            print(disk.check_room(made, jobs_at_once()), file=sys.stderr)
        except LetheError as error:
            raise WorkflowError(f"error: {error}") from None
