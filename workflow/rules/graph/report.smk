# The files that tables and figures are made from.

import json
import os
import shlex
from functools import reduce
from itertools import takewhile

from lethe.analysis.claims import papers
from lethe.report.closing_table import closing_table


def said(key):
    """The configuration's value of a dotted key; for ``metrics.NAME``, whether NAME is listed."""
    section, _, name = key.partition(".")
    if section == "metrics":
        return name in CONFIG.metrics
    return reduce(getattr, key.split("."), CONFIG)


# The page of the run that ended last, and Snakemake's own report.
REPORT = f"{paths.RESULTS}/report.html"
SNAKEMAKE_REPORT = f"{paths.RESULTS}/snakemake-report.html"
# How to open the page, at the end of a run's output.
OPENED = "open it in a browser (Linux: xdg-open FILE, macOS: open FILE)"
TABLES = [name for name in tables.names() if all(map(said, tables.only_with(name)))]


def entries(model=None, split=None, only=None):
    """Every metric file of the configuration, with the nouns that it belongs to."""
    return [
        {
            "world": WORLD,
            "model": model_,
            "split": split_,
            "run": run,
            "seed": seed,
            "metric": metric,
            "path": paths.metric(paths.run(WORLD, model_, split_, run, seed), metric),
        }
        for model_ in ([model] if model else CONFIG.models)
        for split_ in ([split] if split else CONFIG.splits)
        for run, seed in runs_of(split_)
        for metric in (only or run_metrics())
        if measured(metric, split_)
    ]


def run_metrics():
    """The metrics of every run: all but those of attacks."""
    return [m for m in CONFIG.metrics if not metrics.contract(m).attack]


def state_entries():
    """Every metric file of an attack, with the nouns that it belongs to."""
    return [
        {**entry, "state": state, "path": paths.metric(folder, entry["metric"])}
        for entry in entries(only=CONFIG.metrics)
        if entry["run"] in settings.attacked_runs(CONFIG, SPLITS[entry["split"]].roles)
        and entry["seed"] in CONFIG.seeds
        for state in CONFIG.attacks
        if entry["metric"] in states.metrics_of(CONFIG, state)
        for folder in [paths.state(str(Path(entry["path"]).parents[1]), state)]
    ]


def line_entries():
    """The losses on every line between two runs, with the nouns of the first run."""
    return [
        {
            "world": WORLD,
            "model": model,
            "split": split,
            "run": run,
            "state": f"to_{other}",
            "seed": seed,
            "metric": "barrier",
            "path": paths.line(
                paths.run(WORLD, model, split, run, seed), other, other_seed
            ),
        }
        for model, split in product(CONFIG.models, CONFIG.splits)
        for run, other in CONFIG.interpolation.pairs
        for seed, other_seed in interpolation.seeds(CONFIG, run, other)
    ]


def search_entries():
    """The result file of every search, with the nouns that it belongs to."""
    return [
        {**place, "path": paths.search(paths.run(WORLD, *place.values()))}
        for values in product(
            CONFIG.models, CONFIG.splits, CONFIG.search.methods, CONFIG.seeds
        )
        for place in [dict(zip(("model", "split", "run", "seed"), values))]
    ]


def strategy_entries():
    """The result file of every search of a study of strategies, with the nouns that it belongs to."""
    return [
        {
            "model": model,
            "split": split,
            "strategy": chain.strategy,
            "repeat": chain.repeat,
            "seed": seed,
            "path": paths.search(paths.run(WORLD, model, split, chain.name, seed)),
        }
        for model, split, seed in product(CONFIG.models, CONFIG.splits, CONFIG.seeds)
        for chain in search_chains.study(WRITTEN)
    ]


def files(found):
    return [entry["path"] for entry in found]


def own_costs(method, model, split, seed):
    """Cost files of a method's own job and of those that it shares with others."""
    run = lambda name: paths.run(WORLD, model, split, name, seed)
    jobs = [need.source.run for need in made_needs(method, split in FOLLOWED)]
    return [
        paths.cost(run(method), "unlearn"),
        *[paths.cost(run(job), job) for job in jobs],
    ]


def method_costs(method, model, split, seed):
    """Cost files of a method and of its previous runs."""
    runs = [(method, split), *chains.chain(CONFIG, method, split)]
    made = supervision_costs(method, model, split, seed)
    files = [file for run, place in runs for file in own_costs(run, model, place, seed)]
    return list(dict.fromkeys([*files, *made]))


def cost_entries():
    """Every cost file in the comparison, with the nouns that it belongs to."""
    found = []
    for model, split, seed in product(CONFIG.models, CONFIG.splits, CONFIG.seeds):
        run = lambda name, place: paths.run(WORLD, model, place, name, seed)
        trained = {"full": paths.NO_SPLIT, **dict.fromkeys(SPLITS[split].roles, split)}
        # External checkpoints were not trained here and have no cost.
        jobs = {
            name: [paths.cost(run(name, place), "train")]
            for name, place in trained.items()
            if external_checkpoints.given_run(CONFIG, model, name, split, seed) is None
        }
        for method in CONFIG.methods:
            jobs[method] = method_costs(method, model, split, seed)
        if split == DEFENCE_SPLIT:
            jobs |= {
                name: defence_costs(run, model, seed)
                for name, run in DEFENCE_RUNS.items()
            }
        place = {"model": model, "split": split, "seed": seed}
        found += [
            {**place, "run": run, "path": path}
            for run, files in jobs.items()
            for path in files
        ]
    return found


def table_inputs(name):
    """What a table reads, by kind: the scores, the intervals, or files of a metric."""
    reads = tables.reads(name)
    numbers = {
        kind: paths.table(WORLD, f"{kind}.csv")
        for kind in ("scores", "intervals")
        if kind in reads
    }
    return {**numbers, "files": files(table_entries(name))}


def table_entries(name):
    """The metric or cost files that a table reads itself."""
    kinds = {
        "costs": cost_entries,
        "states": state_entries,
        "lines": line_entries,
        "lm_evals": harness_entries,
        "defences": defence_entries,
        "meta_evaluations": meta_evaluation_entries,
        "search": search_entries,
        "strategies": strategy_entries,
        "lineages": lineage_entries,
        "supervisions": supervision_entries,
        "requests": sequence_entries,
    }
    reads = tables.reads(name)
    wanted = [metric for metric in reads if metric in metrics.names()]
    found = [entry for kind in reads if kind in kinds for entry in kinds[kind]()]
    return found + (entries(only=wanted) if wanted else [])


def table_modules(name):
    """The modules that a table's job loads by name, for the code digest."""
    claims = papers.names() if "papers" in tables.reads(name) else []
    return [tables.TABLES.module(name), *map(papers.PAPERS.module, claims)]


def table_settings(name):
    """The parameter with the parts of the configuration that a table gets, if it gets any."""
    named = {key: said(key).model_dump(mode="json") for key in tables.settings(name)}
    if "best_epoch" in named and ENDED_IN_RUN:
        # How many epochs a run that was ended would have had.
        epochs = {name: len(epochs_of(name)) for name in CONFIG.methods}
        named["best_epoch"] |= {"epochs": epochs}
    return {"settings": named} if named else {}


def figure_tables(name):
    """The tables that a figure reads, by kind."""
    files = {
        "scores": "scores",
        "intervals": "intervals",
        "costs": "cost",
        "lineage": "lineage",
    }
    reads = figures.reads(name)
    return {
        kind: paths.table(WORLD, f"{file}.csv")
        for kind, file in files.items()
        if kind in reads
    }


def figure_metrics(name, form=list):
    """The metric files that a figure reads itself, for its model and split."""
    wanted = [metric for metric in figures.reads(name) if metric in metrics.names()]
    return lambda w: form(entries(w.model, w.split, wanted) if wanted else [])


def shares():
    """The splits that are compared by the share of facts that they forget, with their oracles."""
    return [
        {"split": name, "share": share, "oracle": oracle_of(name)}
        for name, share in splits.shares(CONFIG).items()
    ]


def figure_shares(name):
    """The parameter of a figure that compares splits by their shares."""
    return {"shares": shares()} if figures.compares_shares(name) else {}


def drawn(name, model, split):
    """Whether a figure is drawn for a model and split: it has its metrics, or pairs of defences."""
    if of_sequence(name):
        return False
    if figures.compares_models(name) and model != CONFIG.models[0]:
        return False
    if figures.compares_shares(name) and split != CONFIG.splits[0]:
        return False
    wanted = (*figures.reads(name), *figures.scores_of(name))
    if "defences" in wanted and split != DEFENCE_SPLIT:
        return False
    return all(measured(one, split) for one in wanted if one in metrics.names())


def figure_files():
    return [
        paths.figure(WORLD, model, split, name) + suffix
        for model in CONFIG.models
        for split in CONFIG.splits
        for name in CONFIG.figures
        if drawn(name, model, split)
        for suffix in (".pdf", ".png")
    ] + sequence_figures()


def table_files():
    return [
        paths.table(WORLD, name + suffix)
        for name in TABLES
        for suffix in (".csv", ".md")
    ]


def report_command():
    """The command that makes Snakemake's report of this run, with its presets and command-line settings."""
    files = list(workflow.config_settings.configfiles)
    values = load.parsed(workflow.config_settings.config)
    said = [f"{key}={json.dumps(value)}" for key, value in values.items()]
    given = ["--config", *said] if said else []
    if Path.cwd() != ROOT:
        return shlex.join(
            ["lethe", "run", "--report", SNAKEMAKE_REPORT, *named(files), *given]
        )
    presets = [os.path.relpath(file) for file in files]
    if given:
        laid = ["--configfile", *presets] if presets else []
        return shlex.join(["snakemake", "--report", SNAKEMAKE_REPORT, *laid, *given])
    quoted = shlex.quote(" ".join(presets))
    return f"make report PRESET={quoted}" if presets else "make report"


def named(files):
    """The configuration files as options of `lethe run`: first presets by name, then others."""
    words = list(takewhile(lambda file: ROOT / "config" in file.parents, files))
    others = [os.path.relpath(file) for file in files[len(words) :]]
    names = map(workflow_files.preset_name, words)
    presets = [word for name in names for word in ("--preset", name)]
    return [*presets, *(["--configfile", *others] if others else [])]


def closing_words():
    """Where the results are, and the summary table."""
    summary = Path(paths.table(WORLD, "summary.md"))
    written = summary.exists()
    table = closing_table(summary.read_text(encoding="utf-8")) if written else ""
    exhibits = Path(paths.paper(WORLD))
    return (
        f"\n{table}\nFigures: {paths.world(WORLD)}/figures   Tables: {paths.world(WORLD)}/tables"
        + (f"   The paper's: {exhibits}" if exhibits.is_dir() else "")
        + f"\nSnakemake's report: {report_command()} (writes {SNAKEMAKE_REPORT})"
        + (f"\nPage: {PAGE}, also {REPORT}; {OPENED}" if Path(PAGE).exists() else "")
    )
