"""Figures as files: found by name, deterministic, and not there when the input is broken."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import synthetic_metrics as made

from lethe.analysis.scores import collect_scores
from lethe.common.errors import LetheError
from lethe.report import figures
from lethe.report.figures.base import FigureData

REPOSITORY = Path(__file__).parents[3]
DRAW_ALL = """
import json, sys
from pathlib import Path
from helpers import synthetic_metrics
from lethe.report import figures
from lethe.report.figures.base import FigureData
from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.intervals import by_place
from lethe.analysis.scores import collect_scores

entries, out, methods = json.loads(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
intervals = by_place(collect_intervals(entries))
costs = synthetic_metrics.costs(methods)
data = FigureData.of(
    collect_scores(entries), "tiny", "forget10", methods, [0], entries, intervals, costs
)
for name in synthetic_metrics.FIGURES:
    figures.render(name, data, out / f"{name}.pdf", out / f"{name}.png")
"""


def test_figures_are_found_by_name():
    assert set(figures.names()) >= {
        "curves",
        "pareto",
        "trajectories",
        "truth_ratios",
        "utility_bars",
    }


def test_unknown_figure_lists_those_that_exist(data):
    with pytest.raises(LetheError, match=r"'pie'.*curves, .*pareto, .*trajectories"):
        figures.draw("pie", data)


def test_helpers_are_no_figures(data):
    with pytest.raises(LetheError, match="style"):
        figures.draw("style", data)


def test_every_figure_has_a_caption_with_known_wildcards_only():
    place = {"snakemake.wildcards.model", "snakemake.wildcards.split"}
    for name in figures.names():
        caption = (REPOSITORY / "workflow" / "report" / f"{name}.rst").read_text()
        # The name of the world is a setting and no wildcard of any rule.
        said = set(re.findall(r"{{ (.*?) }}", caption)) - {'snakemake.config["world"]["name"]'}
        # A figure of all models or of a whole sequence may leave them out, and so does a caption
        # that a table of all places shares; one of all splits leaves out the split.
        without = {"recipes", "requests", "request_modalities", "deep_unlearning", "lineage"}
        if figures.compares_shares(name):
            assert said == {"snakemake.wildcards.model"}
        else:
            assert said == (set() if name in without else place), name


def test_two_processes_draw_the_same_bytes(entries, tmp_path):
    outs = [tmp_path / "first", tmp_path / "second"]
    for number, out in enumerate(outs):
        arguments = [json.dumps(entries), str(out), json.dumps(made.METHODS)]
        # What differs between two runs of a user must not reach the files.
        differing = {"PYTHONHASHSEED": str(number + 1), "SOURCE_DATE_EPOCH": str(number * 10**9)}
        differing["PYTHONPATH"] = str(REPOSITORY / "tests")
        subprocess.run(
            [sys.executable, "-c", DRAW_ALL, *arguments], check=True, env=os.environ | differing
        )
    for name in made.FIGURES:
        for suffix in (".pdf", ".png"):
            first, second = ((out / f"{name}{suffix}").read_bytes() for out in outs)
            assert first == second, f"{name}{suffix}"
            assert len(first) > 5000
    assert not list(tmp_path.glob("*/.*"))


def test_a_users_matplotlib_settings_change_nothing(data, tmp_path):
    import matplotlib

    paths = [tmp_path / name for name in ("a.pdf", "a.png", "b.pdf", "b.png")]
    figures.render("trajectories", data, *paths[:2])
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 30}):
        figures.render("trajectories", data, *paths[2:])
    assert paths[0].read_bytes() == paths[2].read_bytes()
    assert paths[1].read_bytes() == paths[3].read_bytes()


def test_files_carry_no_date_and_no_version(data, tmp_path):
    figures.render("trajectories", data, tmp_path / "a.pdf", tmp_path / "a.png")
    assert b"CreationDate" not in (tmp_path / "a.pdf").read_bytes()
    for file in ("a.pdf", "a.png"):
        assert b"atplotlib" not in (tmp_path / file).read_bytes()


@pytest.mark.parametrize("damage", ["", "{", '{"format": 1}', "\x00\x01"])
def test_a_corrupt_metric_file_is_named_and_nothing_is_written(tmp_path, damage):
    entries = made.write_world(tmp_path / "world", ["npo"])
    scores = collect_scores(entries)
    (broken,) = (e["path"] for e in entries if (e["run"], e["metric"]) == ("npo", "truth_ratio"))
    Path(broken).write_text(damage)
    with pytest.raises(LetheError) as caught:
        collect_scores(entries)
    assert broken in str(caught.value)
    assert "\n" not in str(caught.value)
    data = FigureData.of(scores, made.MODEL, made.SPLIT, ["npo"], [0], entries)
    with pytest.raises(LetheError, match=re.escape(broken)):
        figures.render("truth_ratios", data, tmp_path / "out" / "a.pdf", tmp_path / "out" / "a.png")
    assert not (tmp_path / "out").exists()


def test_a_failure_while_saving_leaves_neither_file(data, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    real = Figure.savefig

    def broken(self, file, **options):
        if options["format"] == "png":
            raise OSError("no space left on device")
        real(self, file, **options)

    monkeypatch.setattr(Figure, "savefig", broken)
    with pytest.raises(OSError, match="no space"):
        figures.render("trajectories", data, tmp_path / "a.pdf", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
