"""The smoke preset from the world to the figures: what is there, the same again, and failures."""

import json
import re

import pytest
import torch
from helpers.workflow_folder import sources, without_costs
from safetensors.torch import load_file

import lethe
from lethe.analysis.claims.rows import is_row

WORLD = "results/smoke"
BASE = f"{WORLD}/micro/base"
NPO = f"{WORLD}/micro/forget10/npo/seed0"


def no_leftovers(folder) -> bool:
    """No temporary file or folder of a job that ended, well or not."""
    top = folder / "results"
    hidden = [path for path in top.rglob(".*") if path.name != ".snakemake_timestamp"]
    return not hidden


@pytest.mark.parametrize(
    "name", ["trajectories", "curves", "truth_ratios", "utility_bars", "pareto"]
)
def test_figures_are_there(home, name):
    pdf, png = (home / f"{WORLD}/figures/micro/forget10/{name}.{kind}" for kind in ("pdf", "png"))
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.stat().st_size > 5_000
    assert png.stat().st_size > 5_000


def test_tables_are_there(home):
    rows = (home / f"{WORLD}/tables/scores.csv").read_text().splitlines()
    # 3 runs of one checkpoint, 3 methods of two; 5 metrics of at least one number each.
    assert len(rows) > 9 * 5
    for name in ("summary", "utility"):
        markdown = (home / f"{WORLD}/tables/{name}.md").read_text()
        for label in ("Finetune", "Retain", "Grad. Ascent", "KL Min.", "NPO"):
            assert f"| {label}" in markdown
        assert (home / f"{WORLD}/tables/{name}.csv").stat().st_size > 200


def test_intervals_are_there(home):
    rows = (home / f"{WORLD}/tables/intervals.csv").read_text().splitlines()
    # 3 runs of one checkpoint, 3 methods of two: twelve means of items and two of means each.
    assert len(rows) == 1 + 9 * (12 + 2)
    summary = (home / f"{WORLD}/tables/summary.md").read_text()
    assert summary.count("[") > 6 * 4


def test_distances_to_oracles_are_there(home):
    rows = (home / f"{WORLD}/tables/oracles.csv").read_text().splitlines()
    assert len(rows) == 1 + 9
    markdown = (home / f"{WORLD}/tables/oracles.md").read_text()
    for label in ("Oracle pairs", "Finetune", "Grad. Ascent", "KL Min.", "NPO"):
        assert f"| {label}" in markdown


def test_claims_are_there(home):
    claims = json.loads((home / f"{WORLD}/tables/claims.json").read_text())
    texts = {row["claim"] for row in claims}
    assert "full knows the forget set: probability" in texts
    assert "an oracle with another seed does not: KS p" in texts
    assert all(map(is_row, claims))


def test_the_claims_get_a_date_and_the_code_they_are_of(worked):
    """The folder is no checkout, so that the version says which code."""
    assert "claims_revision" not in worked.planned()
    worked.run("claims_revision")
    made = json.loads((worked / f"{WORLD}/tables/claims_revision.json").read_text())
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", made.pop("date"))
    assert made == {"version": lethe.__version__, "commit": None, "changed": None}
    assert worked.planned("claims_revision") == set()


def test_every_epoch_has_its_checkpoint_and_its_numbers(home):
    for method in ("grad_ascent", "kl_min", "npo"):
        run = f"{WORLD}/micro/forget10/{method}/seed0"
        for epoch in (1, 2):
            origin = json.loads((home / f"{run}/epoch{epoch}/checkpoint.json").read_text())
            assert origin["origin"]["epoch"] == epoch
        metric = json.loads((home / f"{run}/metrics/probability.json").read_text())
        assert [checkpoint["epoch"] for checkpoint in metric["checkpoints"]] == [1, 2]


def test_the_page_is_there_twice(home):
    """That of the world is a target; beside it lies a copy of the last run's."""
    page = (home / f"{WORLD}/report.html").read_text(encoding="utf-8")
    assert (home / "results/report.html").read_text(encoding="utf-8") == page
    assert "In the world smoke, micro learned all authors" in page
    assert "at its last epoch" in page
    assert len(page.encode()) < 10_000_000


def test_the_closing_words_name_the_page_and_how_to_open_it(worked):
    (worked / f"{WORLD}/report.html").unlink()
    (worked / "results/report.html").unlink()
    outcome = worked.run()
    assert outcome.jobs == {"page", "all"}
    assert f"Page: {WORLD}/report.html, also results/report.html; open it in a browser" in (
        outcome.output
    )
    assert (worked / "results/report.html").exists()


def test_a_new_figure_and_a_new_table_are_on_the_page_by_themselves(worked):
    for kind, name in (("figures", "mine"), ("tables", "own")):
        old = {"figures": "utility_bars", "tables": "utility"}[kind]
        folder = worked / f"src/lethe/report/{kind}"
        source = (folder / f"{old}.py").read_text(encoding="utf-8")
        # Without a word of how they are shown, and without an interactive form.
        source = source.replace("PAGE = ", "OTHER = ").replace("def interactive(", "def other(")
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        caption = f"**About {name}** of {{{{ snakemake.config['world']['name'] }}}}.\n"
        (worked / f"workflow/report/{name}.rst").write_text(caption)
    overlay = {"figures": ["trajectories", "mine"]}
    outcome = worked.run("--rerun-triggers", "input", overlay=overlay)
    assert outcome.jobs == {"figure_mine[forget10]", "table_own", "page", "all"}
    page = (worked / f"{WORLD}/report.html").read_text(encoding="utf-8")
    assert "<strong>About mine</strong> of smoke." in page
    assert "<strong>About own</strong> of smoke." in page
    assert 'alt="Mine: About mine of smoke."' in page
    assert 'id="figure-curves-micro-forget10"' not in page


def test_a_run_of_one_metric_ends_with_the_tables_and_the_page_of_it(worked):
    """Figures of other metrics are refused before any job."""
    (line,) = worked.snakemake("-n", overlay={"metrics": ["probability"]}).errors
    assert "config: figures: trajectories shows forget_quality; add it to metrics" in line
    ran = worked.run(overlay={"metrics": ["probability"], "figures": []})
    assert {"table_summary", "table_utility", "page"} <= ran.jobs
    heading = (worked / f"{WORLD}/tables/summary.csv").read_text().splitlines()[0].split(",")
    assert "forget_probability" in heading
    assert "forget_rouge" not in heading
    assert "Without forget quality" in (worked / f"{WORLD}/report.html").read_text()
    assert "Forget prob." in ran.output


def test_captions_of_the_report_name_their_world(worked):
    """What a template asks for and does not get would be left out without a word."""
    outcome = worked.snakemake("--report", "report.html")
    assert outcome.code == 0, outcome.end
    page = (worked / "report.html").read_text(encoding="utf-8")
    assert "All scores</strong> of world smoke as one tidy table" in page
    assert "Cost against success</strong> of micro in world smoke, forget set" in page


def test_no_temporary_files_are_left(home):
    assert no_leftovers(home)


def test_again_there_is_nothing_to_do(home):
    outcome = home.run()
    assert "Nothing to be done" in outcome.output
    assert outcome.jobs == set()


def elsewhere(tmp_path) -> dict[str, str]:
    """Another user's environment, on a cluster's node say: none of it may show in results."""
    config = tmp_path / "home/.config/matplotlib"
    config.mkdir(parents=True)
    (config / "matplotlibrc").write_text("font.size: 30\nsavefig.dpi: 20\n")
    return {
        "HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "1",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "TZ": "Pacific/Chatham",
        "PYTHONHASHSEED": "7",
        "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "3"),
        **dict.fromkeys(("COLUMNS", "LINES"), "40"),
    }


def test_another_folder_with_one_core_elsewhere_gives_the_same_bytes(home, tmp_path):
    folder = sources(tmp_path / "folder")
    folder.environment, folder.umask = elsewhere(tmp_path), 0o077
    # These processes as a user's own; those of ``home``, and later ones here, are forks of one that
    # has loaded libraries.
    folder.plain = True
    folder.run(f"{NPO}/epoch2/checkpoint.json", cores=1)
    folder.plain = False
    folder.run(cores=1)
    for pattern, fewest in (
        ("records/*.json", 6),
        ("metrics/*.json", 30),
        # With the digest of every file of its checkpoint.
        ("checkpoint.json", 10),
        ("tables/*", 6),
        ("data/*", 10),
        ("figures/**/*", 10),
    ):
        there, here = (without_costs(f.results(pattern), pattern) for f in (home, folder))
        assert len(there) >= fewest
        assert here.keys() == there.keys()
        assert [name for name in there if here[name] != there[name]] == []


def test_a_base_with_two_threads_is_made_by_two_processes(home, data, tmp_path):
    """What one thread makes, summed in another order; made again it has the same bits."""
    weights, base = [load_file(home / f"{BASE}/model.safetensors")], f"{BASE}/checkpoint.json"
    for name in ("one", "two"):
        folder = data.copy(tmp_path / name)
        folder.run(base, overlay={"threads": {"base": 2}, "compute": {"device": "cpu"}})
        weights.append(load_file(folder / f"{BASE}/model.safetensors"))
        assert no_leftovers(folder)
    by_one, by_two, again = (torch.cat([w[k].flatten() for k in sorted(w)]) for w in weights)
    assert torch.equal(by_two, again)
    assert not torch.equal(by_one, by_two)
    # AdamW divides by gradients near 0, where the order of a sum decides: its steps are of 3e-3.
    assert (by_one - by_two).norm() < 0.01 * by_one.norm()


def test_failure_half_way_leaves_nothing_half_done(worked):
    """A job that fails after its first epoch leaves no epoch; repaired, it goes on from there."""
    script = worked / "workflow/scripts/unlearn.py"
    whole, line = script.read_text(), "        **from_checkpoint(snakemake, stage, meter),\n"
    assert whole.count(line) == 1
    shared = line.strip().strip("*,")
    fault = "lambda step, steps, loss: 1 / (2 * step <= steps)"
    script.write_text(whole.replace(line, f"        **{{**{shared}, 'report': {fault}}},\n"))
    # All methods would run again: one is enough, and seconds instead of minutes.
    target, overlay = f"{NPO}/epoch2/checkpoint.json", {"method_settings": {"npo": {"beta": 0.2}}}
    before = worked.results("*.json")

    failed = worked.snakemake(target, overlay=overlay)
    assert failed.code != 0
    assert failed.jobs == {"unlearn_npo[forget10,0]"}
    for epoch in (1, 2):
        assert not (worked / f"{NPO}/epoch{epoch}/checkpoint.json").exists()
        assert not (worked / f"{NPO}/epoch{epoch}/model.safetensors").exists()
    assert no_leftovers(worked)
    # What the job does not make is as it was.
    after = worked.results("*.json")
    gone = {name for name in before if after.get(name) != before[name]}
    assert gone
    assert all(name.startswith("micro/forget10/npo/seed0/") for name in gone)

    log = (worked / "results/logs/smoke/micro/forget10/npo/seed0.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "ZeroDivisionError" in log
    told = [line for line in failed.errors if line.startswith("error in unlearn_npo")]
    assert len(told) == 1
    assert "ZeroDivisionError: division by zero" in told[0]
    assert "logs/smoke/micro/forget10/npo/seed0.log" in told[0]

    script.write_text(whole)
    repaired = worked.run(target, overlay=overlay)
    assert repaired.jobs == {"unlearn_npo[forget10,0]"}
    for epoch in (1, 2):
        assert (worked / f"{NPO}/epoch{epoch}/model.safetensors").exists()
    assert worked.planned(target, overlay=overlay) == set()
