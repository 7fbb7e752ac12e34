# The files that the page is made from.

import shutil

from lethe.common.files import whole_file
from lethe.pipeline.config.keys import given

PAGE = f"{paths.world(WORLD)}/report.html"
FIGURES = list(CONFIG.figures)


def caption_file(name):
    """A table's or figure's caption; for an interactive figure, the text that the page needs."""
    folder = ROOT / "workflow/report"
    own = folder / "page" / f"{name}.rst"
    return os.path.relpath(own if own.exists() else folder / f"{name}.rst")


def captioned():
    """The tables and figures that have a caption."""
    return [name for name in [*TABLES, *FIGURES] if Path(caption_file(name)).exists()]


def pictures():
    """The pictures of figures without an interactive form, by figure, model and split."""
    places = product(CONFIG.models, CONFIG.splits)
    return [
        {
            "figure": name,
            "model": model,
            "split": split,
            "path": f"{paths.figure(WORLD, model, split, name)}.png",
        }
        for model, split in places
        for name in FIGURES
        if not figures.is_interactive(name) and drawn(name, model, split)
    ] + [
        one for one in sequence_pictures() if not figures.is_interactive(one["figure"])
    ]


def page_metrics():
    """The metric files that interactive figures read themselves."""
    wanted = [
        metric
        for metric in metrics.names()
        if any(
            metric in figures.reads(name) and figures.is_interactive(name)
            for name in FIGURES
        )
    ]
    return entries(only=wanted) if wanted else []


def page_records():
    """The records of answers, of each run's first seed."""
    contracts = map(metrics.contract, CONFIG.metrics)
    asked = {contract.suite for contract in contracts if contract.records}
    return [
        {
            "model": model,
            "split": split,
            "run": run,
            "path": paths.records(paths.run(WORLD, model, split, run, seed)),
        }
        for model, split in product(CONFIG.models, CONFIG.splits)
        for run, seed in runs_of(split)
        if "tofu" in asked and seed == CONFIG.seeds[0]
    ]


def page_inputs():
    """Every file that the page is made from, by kind."""
    return {
        "scores": paths.table(WORLD, "scores.csv"),
        "intervals": paths.table(WORLD, "intervals.csv"),
        "claims": paths.table(WORLD, "claims.json"),
        "card": paths.card(WORLD),
        "words": paths.card(WORLD, "words.png"),
        "tables": [paths.table(WORLD, f"{name}.csv") for name in TABLES],
        "captions": [caption_file(name) for name in captioned()],
        "pictures": files(pictures()),
        "metrics": files(page_metrics()),
        "records": files(page_records()),
        "audits": audit_files(),
        **page_pairs(files),
        **page_sequence(),
        **SEEN,
    }


def page_pairs(form=list):
    """The pairs of defences that interactive figures read; nothing without such a figure."""
    found = [entry for name in FIGURES for entry in in_figure(name)]
    return {"defences": form(found)} if found else {}


def page_sequence():
    """The scores of a sequence of requests, if a figure shows it."""
    shown = any(map(of_sequence, FIGURES))
    file = paths.table(WORLD, "request_scores.csv")
    return {"sequence": file} if REQUESTS and shown else {}


def page_run():
    """What was run, for the page's words."""
    return {
        "world": WORLD,
        "models": CONFIG.models,
        "splits": CONFIG.splits,
        "methods": CONFIG.methods,
        "seeds": CONFIG.seeds,
        "oracle_seeds": CONFIG.oracle_seeds,
        "oracles": {name: list(SPLITS[name].roles) for name in CONFIG.splits},
        "settings": {name: said_settings(name) for name in CONFIG.methods},
        **page_sequence_runs(),
        **page_shares(),
    }


def page_sequence_runs():
    """The runs of a sequence of requests, if a figure shows it."""
    runs = {"methods": CONFIG.requests.methods, "oracle": sequence_oracle()}
    return {"sequence": runs} if page_sequence() else {}


def page_shares():
    """The splits with their shares, if a figure compares them."""
    return {"shares": shares()} if any(map(figures.compares_shares, FIGURES)) else {}


def said_settings(name):
    """The settings of a method given in the configuration, including the shared ones."""
    own = CONFIG.method_settings.get(name)
    said = {**given(CONFIG.unlearning), **(given(own) if own else {})}
    known = settings.method_settings(CONFIG, name)
    return {
        key: value for key, value in said.items() if key in known or key == "method"
    }


def shown_parts():
    """How the page shows each table and figure, as their files declare it."""
    return {
        "tables": {name: tables.page(name) for name in TABLES},
        "figures": {name: figures.page(name) for name in FIGURES},
    }


def show_page():
    """The page of this run at results/report.html as well, where the last run's is."""
    if Path(PAGE).exists():
        with whole_file(REPORT) as place:
            shutil.copyfile(PAGE, place)
