# The files of searches: what trials are judged by, and what those that are proposed may be.


def trial_metrics(names, metric):
    """A metric's files of trials, in their order."""
    return [paths.metric(method_run(name), metric) for name in names]


def judged_by(names):
    """The files by which trials are judged, as inputs."""
    return {
        "ratios": trial_metrics(names, "truth_ratio"),
        "utilities": trial_metrics(names, "model_utility"),
        "oracle": oracle_metric("truth_ratio"),
        "full": paths.metric(
            paths.run(WORLD, "{model}", "{split}", "full", "{seed}"), "model_utility"
        ),
    }


def batch_file(chain, batch):
    return paths.search_batch(method_run(chain.name), batch.number)


def batch_files(chain, before=None):
    """The files of a chain's batches; only those before one, if that is named."""
    batches = search_chains.batches(WRITTEN, chain)
    return [
        batch_file(chain, one)
        for one in batches
        if before is None or one.number < before.number
    ]


def proposing(chain, batch):
    """How a batch is proposed, as a job's parameter."""
    strategy = search_chains.strategy_of(WRITTEN, chain)
    count = len(search_chains.trial_names(WRITTEN, chain))
    return {
        "space": search_points.as_plain(search_chains.space(WRITTEN, chain)),
        "strategy": [chain.strategy, strategy.settings.model_dump(mode="json")],
        "names": [*batch.trials],
        "before": [*batch.before],
        "key": f"{WRITTEN.search.seed}/{chain.name}",
        "left": count - len(batch.before) if strategy.knows_budget else None,
    }


@cache
def awaited_in():
    """The chain and the batch of each trial that is yet to be proposed, by the trial's name."""
    return {
        name: (chain, batch)
        for chain in CHAINS
        for batch in search_chains.batches(WRITTEN, chain)
        for name in batch.trials
    }


@cache
def may_be(run):
    """The methods that a run may be: itself, unless it is yet to be proposed."""
    if run not in AWAITED:
        return [run]
    chain, _ = awaited_in()[run]
    return search_chains.option_names(WRITTEN, chain)


def option_inputs(names):
    """The data that any of these methods needs."""
    found = {}
    for name in names:
        found |= method_inputs(name)
    return found


def option_modules(names):
    """The modules of these methods, of their needs and wrappers, for the code digest."""
    found = {}
    for name in names:
        own = f"lethe.unlearn.methods.{settings.method_class(CONFIG, name)}"
        found |= dict.fromkeys([own, *wrapper_modules(name), *need_modules(name)])
    return [*found]


def chosen_from(chain):
    """Each method that a trial of a chain may be, with its settings, as a job's parameter."""
    return {
        name: {
            "method": settings.method_class(WRITTEN, name),
            "settings": settings.method_settings(WRITTEN, name),
        }
        for name in chain.methods
    }
