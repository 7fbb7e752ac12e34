# The files of a sequence of requests, each of which is a split of its own.

from lethe.pipeline.requests import SEQUENCE

REQUESTS = requests.names(CONFIG)


def request_rules():
    """Two rules for each method of the sequence: only the last checkpoint stays.

    This holds for every policy, since a further request starts there. Adapters of all requests
    stay, because later ones are based on them.
    """
    adapters = any(
        CONFIG.model_settings[model].training("unlearn")["lora"] is not None
        for model in CONFIG.models
    )
    for name in CONFIG.requests.methods if REQUESTS else ():
        end = {max(epochs_of(name))}
        earlier = end if adapters else set()
        yield UnlearnRule(f"unlearn_request_{name}", name, REQUESTS[:-1], earlier, True)
        yield UnlearnRule(
            f"unlearn_last_request_{name}", name, REQUESTS[-1:], end, True
        )


def sequence_file(model, run, seed):
    """The measures of a run over the whole sequence."""
    return paths.metric(paths.run(WORLD, model, SEQUENCE, run, seed), "sequence")


def after_request(wildcards, run, request):
    """The metric files of a run after a request, counted from 1, that these are made from."""
    folder = paths.run(
        WORLD, wildcards.model, requests.name(request), run, wildcards.seed
    )
    return [paths.metric(folder, name) for name in requests.METRICS]


def sequence_requests(wildcards):
    """The requests after which a run is measured."""
    if wildcards.run == "full":
        return [len(REQUESTS)]
    if wildcards.run in CONFIG.requests.methods:
        return list(range(1, len(REQUESTS) + 1))
    return requests.oracles_at(CONFIG)


def sequence_runs():
    """The runs whose measures are shown: full, the oracles as one, the methods."""
    oracles = requests.oracles_at(CONFIG)
    return [
        "full",
        *([oracle_of(REQUESTS[-1])] if oracles else []),
        *CONFIG.requests.methods,
    ]


def sequence_entries():
    """The measures of every run, and forget quality if there are oracles."""
    if not REQUESTS:
        return []
    places = list(product(CONFIG.models, sequence_runs(), CONFIG.seeds))
    found = [
        sequence_entry(
            model, SEQUENCE, run, seed, "sequence", sequence_file(model, run, seed)
        )
        for model, run, seed in places
    ]
    for request in requests.oracles_at(CONFIG):
        split, metric = requests.name(request), requests.QUALITY
        found += [
            sequence_entry(
                model,
                split,
                run,
                seed,
                metric,
                paths.metric(paths.run(WORLD, model, split, run, seed), metric),
            )
            for model, run, seed in places
            # Full is asked only on the last request, whose questions include all the others.
            if run != "full" or split == REQUESTS[-1]
        ]
    return found


def sequence_targets():
    """What is made from a sequence besides tables and figures."""
    return [paths.table(WORLD, "request_scores.csv")] if REQUESTS else []


def sequence_oracle():
    """The run that figures show as oracle; full if there is none after the last request."""
    last = len(REQUESTS) in requests.oracles_at(CONFIG)
    return oracle_of(REQUESTS[-1]) if REQUESTS and last else "full"


def sequence_entry(model, split, run, seed, metric, path):
    return {
        "world": WORLD,
        "model": model,
        "split": split,
        "run": run,
        "state": metric,
        "seed": seed,
        "metric": metric,
        "path": path,
    }


def of_sequence(figure):
    """Whether a figure shows the whole sequence rather than a split."""
    return "requests" in figures.reads(figure)


def sequence_pictures():
    """The pictures of such figures; the page shows them beside the first split."""
    return [
        {
            "figure": name,
            "model": model,
            "split": CONFIG.splits[0],
            "path": f"{paths.figure(WORLD, model, SEQUENCE, name)}.png",
        }
        for model in CONFIG.models
        for name in CONFIG.figures
        if REQUESTS and of_sequence(name)
    ]


def sequence_figures():
    """The files of such figures."""
    return [
        str(Path(one["path"]).with_suffix(suffix))
        for one in sequence_pictures()
        for suffix in (".pdf", ".png")
    ]
