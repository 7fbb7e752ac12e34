# The files behind a run's records and metrics.

from lethe.evaluate.interpolation import SETS as LINE_SETS


def probed_files(wildcards):
    """The data files of a suite's sets, in the suite's order."""
    split = SPLITS[wildcards.split]
    named = suite.contract(wildcards.suite).files(split.files).values()
    return [paths.data(WORLD, name) for name in named]


def probed_sets(wildcards):
    """The names of these sets."""
    return list(suite.contract(wildcards.suite).files(SPLITS[wildcards.split].files))


def asked_pictures(wildcards):
    """The pictures of a suite's rows that are asked and never learned, if it has any.

    They must exist, but changes are tracked by the rows.
    """
    split = SPLITS[wildcards.split]
    apart = {paths.data(WORLD, split.files[part]) for part in split.asked_apart}
    asks = apart & set(probed_files(wildcards))
    return [ancient(asked_folder(split))] if asks else []


def run_folder(wildcards):
    return paths.run(
        WORLD, wildcards.model, wildcards.split, wildcards.run, wildcards.seed
    )


def checkpoint_folders(wildcards):
    """The checkpoints of a run, first epoch first."""
    return checkpoint_folders_of(wildcards, wildcards.run)


def checkpoint_folders_of(wildcards, run):
    w = wildcards
    if run == "base":
        return base_folders(w.model)
    if run == "random" or is_finetuned(w, run):
        return trained_folders(w, run)
    folder = paths.run(WORLD, w.model, w.split, run, w.seed)
    if ENDED_IN_RUN:
        return [paths.last(folder)]
    # A run on a request is evaluated once the request is answered.
    last = CONFIG.evaluation.epochs == "last" or w.split in REQUESTS
    epochs = epochs_of(run)[-1:] if last else epochs_of(run)
    return [paths.epoch(folder, epoch) for epoch in epochs]


def chosen_epoch(wildcards):
    """The file with a run's best epoch.

    Choosing anew must not rerun unlearning, since the run's other checkpoints are gone, unless
    another epoch was chosen.
    """
    run = run_folder(wildcards)
    file = paths.best_epoch(run)
    return file if best_epoch.is_outdated(run) else ancient(file)


def best_files():
    """The checkpoints of all runs' best epochs, if those stay."""
    runs = product(
        CONFIG.models, CONFIG.splits, [*CONFIG.methods, *TRIALS, *AWAITED], CONFIG.seeds
    )
    return [
        f"{paths.best(paths.run(WORLD, *place))}/{paths.WEIGHTS}"
        for place in (runs if KEEP == "best" else ())
    ]


def chosen_runs():
    """A pattern of the runs whose best epoch is chosen by a job of its own."""
    return but_not(asked_methods() if CHOSEN_IN_RUN and KEEP == "best" else [])


def intervention_modules(wildcards):
    """The modules of the interventions that a run's checkpoints carry, as its method declares."""
    w = wildcards
    if w.run in ("base", "random") or is_finetuned(w, w.run):
        return []
    kinds = {settings.method(CONFIG, name).intervention for name in may_be(w.run)}
    return [f"lethe.model.interventions.{kind}" for kind in sorted(kinds - {None})]


def given_checkpoint(wildcards):
    """An external checkpoint, which is evaluated where it is."""
    if checkpoint_folders(wildcards):
        return None
    if wildcards.run == "base":
        return given_path(wildcards.model)
    return given_run(wildcards, wildcards.run)


def measured_folder(wildcards):
    """The folder of records and metrics: the run's, or that of the run under an attack."""
    state = wildcards.get("state")
    folder = run_folder(wildcards)
    return folder if state is None else paths.state(folder, state)


def reference_run(wildcards):
    """The run that a suite compares with; None for most."""
    role = suite.contract(wildcards.suite).reference
    return oracle_of(wildcards.split) if role == "oracle" else role


def reference_source(wildcards):
    """The checkpoint that a suite compares with, ours or an external one; None for most."""
    w, run = wildcards, reference_run(wildcards)
    if run is None:
        return None
    own = paths.trained(WORLD, w.model, w.split, run, compared_seed(w))
    return given_reference(w) or own


def given_reference(wildcards):
    """The external checkpoint used as the run that a suite compares with; None if it is ours."""
    w, run = wildcards, reference_run(wildcards)
    return run and external_checkpoints.given_run(
        CONFIG, w.model, run, w.split, compared_seed(w)
    )


def reference_of_suite(wildcards):
    """Files of the checkpoint that a suite compares with; none if it is external."""
    w, own = wildcards, reference_source(wildcards)
    if own is None or given_reference(w):
        return []
    below = base_folders(w.model) if trains_adapters(w, "finetune") else []
    return [f"{own}/{paths.DIGEST}"] + [
        ancient(f"{folder}/{paths.WEIGHTS}") for folder in [own, *below]
    ]


STATE = paths.state(
    paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "{state}"
)


def state_start(state):
    """What is attacked: a run's last checkpoint, nothing if it is external; or another state."""
    before = settings.attack_before(CONFIG, state)

    def start(wildcards):
        if before is not None:
            folder = paths.state(run_folder(wildcards), before)
            return parent(paths.state_checkpoint(folder))
        folders = checkpoint_folders(wildcards)
        if not folders:
            return {}
        return parent(folders[-1]) | beneath(wildcards, wildcards.run)

    return start


def given_start(state):
    """The external checkpoint that is attacked; None if it is ours."""
    return given_checkpoint if settings.attack_before(CONFIG, state) is None else None


def makes_student(state):
    """Whether an attack makes another model, from the base on."""
    return attack.starts_from_base(settings.attack_kind(CONFIG, state))


def student_files(state):
    """The base from which another model starts; nothing if it is external, or none does."""
    makes = makes_student(state)

    def start(wildcards):
        folders = base_folders(wildcards.model) if makes else []
        found = {}
        for folder in folders:
            found["student"] = f"{folder}/{paths.DIGEST}"
            found["student_weights"] = ancient(f"{folder}/{paths.WEIGHTS}")
        return found

    return start


def given_student(state):
    """The external base from which another model starts; None if it is ours, or none does."""
    return lambda w: given_path(w.model) if makes_student(state) else None


def state_inputs(state):
    """The data that an attack reads, by part of the split or file of the world."""
    kind = settings.attack_kind(CONFIG, state)
    names = attack.files(kind, settings.attack_settings(CONFIG, state))
    return {name: read_data(name) for name in names}


def read_data(name):
    """The file of a part of a rule's split, or else of the world."""
    return lambda w: paths.data(WORLD, SPLITS[w.split].files.get(name, name))


def own_metrics(wildcards):
    """Metric files of the same run that a metric reads."""
    needs = metrics.contract(wildcards.metric).needs
    return [paths.metric(measured_folder(wildcards), need) for need in needs]


def held_against(wildcards, run):
    """The folder of an oracle or of full, with the seed that a run is compared with."""
    w = wildcards
    return paths.run(WORLD, w.model, w.split, run, compared_seed(w))


def compared_seed(wildcards):
    """The seed of oracle and full that a run is compared with: its own; for further oracles, the first."""
    seed = int(wildcards.seed)
    return seed if seed in CONFIG.seeds else CONFIG.seeds[0]


def oracle_metric(metric):
    """The oracle's file of a metric, for the same seed."""
    return lambda w: paths.metric(held_against(w, oracle_of(w.split)), metric)


def oracle_metrics(wildcards):
    """The oracle's files of the same metrics."""
    contract = metrics.contract(wildcards.metric)
    oracle = held_against(wildcards, oracle_of(wildcards.split))
    return [paths.metric(oracle, need) for need in contract.needs if contract.oracle]


def metrics_by_role(wildcards):
    """The files of the same metrics for each oracle that a metric names, role by role."""
    contract = metrics.contract(wildcards.metric)
    folders = [held_against(wildcards, role) for role in contract.oracles]
    return [paths.metric(folder, need) for folder in folders for need in contract.needs]


def full_metrics(wildcards):
    """The files of the same metrics for the model before unlearning."""
    contract = metrics.contract(wildcards.metric)
    full = held_against(wildcards, "full")
    return [paths.metric(full, need) for need in contract.needs if contract.full]


def base_metrics(wildcards):
    """The files of the same metrics for the base, which all seeds share."""
    w = wildcards
    contract = metrics.contract(w.metric)
    base = paths.run(WORLD, w.model, w.split, "base", CONFIG.seeds[0])
    return [paths.metric(base, need) for need in contract.needs if contract.base]


def oracle_records(wildcards):
    """The oracle's records; for a metric of an attack, those after it."""
    contract = metrics.contract(wildcards.metric)
    if not contract.oracle_records:
        return []
    folder = held_against(wildcards, oracle_of(wildcards.split))
    if contract.attack:
        folder = paths.state(folder, wildcards.state)
    return paths.records(folder, contract.suite)


def records_before(wildcards):
    """The run's records before an attack, if a metric reads them."""
    contract = metrics.contract(wildcards.metric)
    if not contract.attack:
        return []
    return paths.records(run_folder(wildcards), contract.suite)


def oracle_records_before(wildcards):
    """The oracle's records before an attack, if a metric reads them."""
    contract = metrics.contract(wildcards.metric)
    if not (contract.attack and contract.oracle_records):
        return []
    folder = held_against(wildcards, oracle_of(wildcards.split))
    return paths.records(folder, contract.suite)


def metric_records(wildcards):
    wanted = metrics.contract(wildcards.metric)
    return (
        paths.records(measured_folder(wildcards), wanted.suite)
        if wanted.records
        else []
    )


def end_of_run(wildcards):
    """The checkpoints that show how a run ended and what it kept, where its own job decides that.

    Needed lest records of a run that ends otherwise pass for its own: Snakemake compares nothing
    with a job's past if one of its outputs has none.
    """
    folder = run_folder(wildcards)
    last = f"{paths.last(folder)}/{paths.DIGEST}"
    if CHOSEN_IN_RUN and wildcards.run in asked_methods():
        best = f"{paths.best(folder)}/{paths.DIGEST}"
        return [last] * ENDED_IN_RUN + [best] * (KEEP == "best")
    if Path(last).exists():
        end = paths.epoch(folder, max(epochs_of(wildcards.run)))
        return [f"{end}/{paths.DIGEST}"]
    return []


def metric_settings(wildcards):
    return CONFIG.metric_settings.get(wildcards.metric, {})


def truth_ratio_variant():
    given = CONFIG.metric_settings.get("truth_ratio", {})
    return metrics.settings_of("truth_ratio", given)["variant"]


def line_ends(wildcards):
    """The last checkpoints of both runs that a line joins; nothing for an external one."""
    ends = {
        "first": (wildcards, wildcards.run),
        "second": (other_end(wildcards), wildcards.other),
    }
    inputs = {"beneath": []}
    for name, (place, run) in ends.items():
        for folder in checkpoint_folders_of(place, run)[-1:]:
            inputs[name] = f"{folder}/{paths.DIGEST}"
            inputs[f"{name}_weights"] = ancient(f"{folder}/{paths.WEIGHTS}")
        inputs["beneath"] += beneath(place, run).get("beneath", [])
    return inputs


def other_end(wildcards):
    """The wildcards of the run at the other end of a line."""
    own = {key: wildcards.get(key) for key in ("model", "split")}
    return type(wildcards)(
        fromdict={**own, "run": wildcards.other, "seed": wildcards.other_seed}
    )


def given_ends(wildcards):
    """The external checkpoints at the ends of a line, as ``line_ends`` names them."""
    given = {
        "first": (wildcards, wildcards.run),
        "second": (other_end(wildcards), wildcards.other),
    }
    return {
        name: given_run(place, run)
        for name, (place, run) in given.items()
        if not checkpoint_folders_of(place, run)
    }


def line_rows(wildcards):
    """The forget and the retain questions that every line is measured on."""
    return [read_data(part)(wildcards) for part in LINE_SETS.values()]
