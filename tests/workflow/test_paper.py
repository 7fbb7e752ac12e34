"""The paper's exhibits as targets: what they plan, a small preset of them, and logs alone."""

import shutil
from collections import Counter

import pytest
from helpers.shared_data import shared_folder
from helpers.workflow_folder import Folder, sources

PRESET = "config/paper_smoke.yaml"
PAPER = "results/paper_smoke/paper"
FIGURES = [
    "fig02_words",
    "fig04_truth_ratios/micro",
    "fig04_truth_ratios/nano",
    "fig05_06_trajectories/micro",
    "fig05_06_trajectories/nano",
    "fig07_zoom",
    "fig09_zoom_longer",
    *(
        f"fig10_33_curves/{model}/{split}/grad_ascent"
        for model in ("micro", "nano")
        for split in ("forget05", "forget10")
    ),
]
TABLES = ["table2_rouge", "table3_retain_models", "table4_references"]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Folder:
    """A clone in which nothing has run, for plans."""
    return sources(tmp_path_factory.mktemp("plans"), "config/paper.yaml")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Folder:
    """A clone in which the small preset of the paper has run."""
    folder = sources(tmp_path_factory.mktemp("paper"), PRESET)
    folder.run("paper")
    return folder


# --- plans ---


def counted(folder: Folder, *arguments: str, overlay: dict | None = None) -> Counter:
    """Planned jobs by rule, of all models together."""
    outcome = folder.snakemake("-n", *arguments, overlay=overlay)
    assert outcome.code == 0, outcome.end
    return _stats(outcome.output)


def _stats(output: str) -> Counter:
    lines = output.partition("Job stats:")[2].partition("total")[0].splitlines()
    pairs = [line.split() for line in lines if line.split()[1:2] and line.split()[1].isdigit()]
    return Counter({name: int(number) for name, number in pairs})


@pytest.fixture(scope="module")
def planned(fresh) -> Counter:
    folder = shared_folder("data", "tofu")
    return counted(fresh, "paper", overlay={"world": {"path": str(folder)}})


def test_paper_plans_every_exhibit(planned):
    exhibits = {name: number for name, number in planned.items() if name.startswith("paper")}
    assert exhibits == {
        "paper": 1,
        "paper_scores": 1,
        "paper_words": 1,
        "paper_truth_ratios": 2,
        "paper_trajectories": 2,
        "paper_zoom": 1,
        "paper_zoom_longer": 1,
        # Two models, three sizes, four methods: Figures 10 to 33.
        "paper_curves": 24,
        "paper_rouge": 1,
        "paper_retain_models": 1,
        "paper_references": 1,
    }


def test_paper_plans_the_runs_that_exhibits_need(planned):
    trained = {
        name: n
        for name, n in planned.items()
        if name in ("base", "random") or name.startswith("train")
    }
    assert trained == {"base": 2, "train_full": 2, "train_retain": 6, "random": 2}
    unlearned = {name: n for name, n in planned.items() if name.startswith("unlearn")}
    methods = ("grad_ascent", "grad_diff", "idk", "kl_min")
    assert unlearned == {f"unlearn_{name}": 6 for name in methods} | {
        f"unlearn_{name}_longer": 1 for name in methods
    }
    # Of each model and size full, oracle, base, random and four methods; four longer runs.
    assert planned["collect"] == 2 * 3 * 8 + 4


@pytest.mark.parametrize("preset", ["config/smoke.yaml", "config/paper.yaml"])
def test_nothing_of_the_paper_is_made_unless_asked_for(fresh, preset):
    overlay = {"world": {"provider": "synthetic", "name": "other", "authors": 100}}
    overlay["world"]["holdout_authors"] = 10
    found = counted(Folder(fresh.path, preset), overlay=overlay)
    assert found["scores"] == 1
    strangers = [n for n in found if n.startswith(("paper", "random")) or "longer" in n]
    assert strangers == []


EXHIBIT = '''"""Figure 0: a made-up exhibit."""

NUMBER = "Figure 0"
TITLE = "made up"
CAPTION = "Made up, of {model}."
FILE = "fig00_made_up/{model}"
READS = "scores"
SPLITS = "smallest"


def build(data): ...


def draw(table): ...
'''
STUDY = EXHIBIT.replace("{model}", "nothing").replace("fig00_made_up/nothing", "made_up")


def test_new_files_alone_are_new_targets(tmp_path):
    """docs/paper.md, docs/figures.md: nothing else is to be written for an exhibit and a study."""
    folder = sources(tmp_path / "folder", PRESET)
    reports = folder / "src/lethe/report"
    (reports / "paper/exhibits/made_up.py").write_text(EXHIBIT, encoding="utf-8")
    (reports / "studies/made_up.py").write_text(STUDY, encoding="utf-8")
    (reports / "tables/made_up.py").write_text("", encoding="utf-8")
    (reports / "figures/made_up.py").write_text("", encoding="utf-8")
    overlay = {"figures": ["made_up"]}
    outcome = folder.snakemake("-n", "paper", "made_up_study", "all", overlay=overlay)
    assert outcome.code == 0, outcome.end
    named = outcome.output.replace(",", "").split()
    for model in ("micro", "nano"):
        files = [f"{PAPER}/fig00_made_up/{model}.{kind}" for kind in ("csv", "pdf", "png")]
        assert set(files) <= set(named)
    for file in ("studies/made_up.png", "paper_smoke/tables/made_up.md"):
        assert f"results/{file}" in named
    assert "results/paper_smoke/figures/nano/forget10/made_up.pdf" in named
    # Of two splits and two models: what the declarations say, and no more.
    counts = {name: n for name, n in _stats(outcome.output).items() if "made_up" in name}
    assert counts == {
        "paper_made_up": 2,
        "made_up_study": 1,
        "table_made_up": 1,
        "figure_made_up": 4,
    }


# --- the small preset ---


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_the_paper_are_there(made, name):
    pdf, png = (made / f"{PAPER}/{name}.{kind}" for kind in ("pdf", "png"))
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert png.stat().st_size > 5_000


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_the_paper_are_there(made, name):
    assert (made / f"{PAPER}/{name}.md").read_text().startswith("| Model")
    rows = (made / f"{PAPER}/{name}.csv").read_text().splitlines()
    # Rows of two models: before and after; one pair of oracles on two sets; two oracles, two sets,
    # three references.
    expected = {"table2_rouge": 4, "table3_retain_models": 4, "table4_references": 24}
    assert len(rows) == 1 + expected[name]


def test_random_models_have_the_architecture_and_other_weights(made):
    top = made / "results/paper_smoke/micro"
    base, random = top / "base", top / "all/random/seed0/checkpoint"
    assert (base / "config.json").read_bytes() == (random / "config.json").read_bytes()
    weights = [folder / "model.safetensors" for folder in (base, random)]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    assert weights[0].stat().st_size == weights[1].stat().st_size


def test_again_nothing_of_the_paper_is_planned(made):
    assert made.planned("paper") == set()


# --- logs alone ---


def logs_of(tmp_path, *names: str):
    for name in names:
        shutil.copytree(shared_folder("oracle", "llama2", name), tmp_path / "logs" / name)
    return {"logs": str(tmp_path / "logs")}


def test_logs_alone_need_no_model_and_no_world(tmp_path):
    folder = sources(tmp_path / "folder")
    outcome = folder.run("paper_from_logs", overlay=logs_of(tmp_path, "full_wd0", "retain90_wd0"))
    assert {job for job in outcome.jobs if not job.startswith("paper")} == set()
    top = folder / "results/smoke/paper/from_logs"
    text = (top / "ks.md").read_text()
    assert "1.097e-19 | 1.10E-19" in text
    assert "Of 27 printed values: 2 agree, 2 differ, 23 not computable." in text
    for name in ("fig04_truth_ratios_llama2_wd0", "utility_bars_llama2_wd0_forget10"):
        assert (top / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "0.627" in (top / "utility.md").read_text()


def test_logs_may_be_of_splits_that_are_not_configured(fresh, tmp_path):
    logs = logs_of(tmp_path, "full_wd0", "retain90_wd0", "retain99_wd0")
    overlay = {**logs, "splits": ["forget05"]}
    found = counted(Folder(fresh.path, "config/smoke.yaml"), "paper_from_logs", overlay=overlay)
    assert found["paper_logs_bars"] == 2


def test_logs_must_be_named(tmp_path):
    folder = sources(tmp_path / "folder")
    outcome = folder.snakemake("-n", "paper_from_logs")
    assert outcome.code != 0
    assert outcome.errors == [
        "error: config: logs: null; name a folder of logs: --config logs=FOLDER"
    ]


def test_bad_logs_are_refused_in_one_line(tmp_path):
    folder = sources(tmp_path / "folder")
    overlay = logs_of(tmp_path, "full_wd0")
    log = tmp_path / "logs/full_wd0/eval_log_aggregated.json"
    log.write_text('{"eval_log.json": {}}')
    outcome = folder.snakemake("-n", "paper_from_logs", overlay=overlay)
    assert outcome.code != 0
    assert len(outcome.errors) == 1
    assert "3 of the 4 sets are missing" in outcome.errors[0]
