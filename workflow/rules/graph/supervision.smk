# Supervision that models make themselves: the full model for methods, oracles for comparison.

from lethe.unlearn.made_supervision import FILES as MADE_FILES
from lethe.unlearn.made_supervision import GRAPH

SUPERVISION_KINDS = CONFIG.supervisions
# The kind that has a graph to draw.
DRAWN_KIND = "graph"


def supervision_file(kind, name, run="{run}"):
    """A file of the supervision that a run makes from a split's names."""
    folder = paths.run(WORLD, "{model}", "{split}", run, "{seed}")
    return paths.supervision(folder, kind, name)


def asked_files(wildcards):
    """The checkpoint that is asked; nothing if it is external."""
    folders = trained_folders(wildcards, wildcards.run)
    return (parent(folders[0]) | beneath(wildcards, wildcards.run)) if folders else {}


def asked_given(wildcards):
    return given_run(wildcards, wildcards.run)


def supervised_inputs(method):
    """In place of a split's files, those that the full model made for a method."""
    kind = made_supervisions.of_method(CONFIG, method)
    if kind not in SUPERVISION_KINDS:
        return {}
    wanted = {"forget", *(need.name for need in needs.of_method(CONFIG, method))}
    # Refusals are not about anything that is to be forgotten, so the world's are used.
    return {
        name: supervision_file(kind, MADE_FILES[name], "full")
        for name in ("forget", "retain")
        if name in wanted
    }


def supervision_costs(method, model, split, seed):
    """The cost of making a method's supervision."""
    kind = made_supervisions.of_method(CONFIG, method)
    folder = paths.run(WORLD, model, split, "full", seed)
    return (
        [paths.cost(folder, f"supervision_{kind}")] if kind in SUPERVISION_KINDS else []
    )


def supervision_entries(model=None, split=None):
    """Every supervision, with the nouns that it belongs to and the gold rows that it replaces."""
    return [
        {
            "model": model_,
            "split": split_,
            "run": run,
            "seed": seed,
            "kind": kind,
            "gold": paths.data(WORLD, SPLITS[split_].files["forget"]),
            "path": paths.supervision(
                paths.run(WORLD, model_, split_, run, seed), kind, GRAPH
            ),
        }
        for model_ in ([model] if model else CONFIG.models)
        for split_ in ([split] if split else CONFIG.splits)
        for seed in CONFIG.seeds
        for run in ("full", oracle_of(split_))
        for kind in SUPERVISION_KINDS
    ]


def in_graph_figure(name, wildcards):
    """The entries that a figure of graphs draws: the first seed's."""
    if "supervisions" not in figures.reads(name):
        return []
    return [
        one
        for one in supervision_entries(wildcards.model, wildcards.split)
        if one["kind"] == DRAWN_KIND and one["seed"] == CONFIG.seeds[0]
    ]


def figure_graphs(name):
    """The graphs that a figure reads, as inputs."""
    if "supervisions" not in figures.reads(name):
        return {}
    return {"graphs": lambda w: [one["path"] for one in in_graph_figure(name, w)]}


def figure_graph_entries(name):
    """The same as a parameter."""
    if "supervisions" not in figures.reads(name):
        return {}
    return {"supervisions": lambda w: in_graph_figure(name, w)}
