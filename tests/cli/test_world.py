"""``lethe world`` draws the pictures that the configuration asks for."""

from pathlib import Path

import yaml

from lethe.cli import world
from lethe.common.files import read_rows
from lethe.common.pictures import read_picture

PRESET = str(Path(__file__).parents[2] / "config/pictures.yaml")


def test_a_world_with_pictures(tmp_path, capsys):
    overlay = {"authors": 10, "holdout_authors": 2, "perturbed_retain_authors": 2}
    overlay["pictures"] = {"size": 16, "variations": ["pose"], "learned_variations": []}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"world": overlay}))
    world.run([PRESET, str(tmp_path / "mine.yaml")], str(tmp_path / "made"), dry=False)
    folder = tmp_path / "made/data"
    rows = read_rows(folder / "full_pictures.json")
    shown = [read_picture(row["image"], folder) for row in rows if row["image"]]
    assert {pixels.shape for pixels in shown} == {(16, 16, 3)}
    assert len({row["image"] for row in rows}) == 1 + 10
    assert "full_pictures" in (folder / "README.md").read_text()
    assert "written" in capsys.readouterr().out
