"""PPU-Bench's evaluation rows in a configuration: what passes, and what is refused before a job."""

import pytest
import yaml
from helpers import made_pictures, made_ppu
from helpers.configurations import message, written
from helpers.workflow_folder import ROOT

from lethe import metrics
from lethe.pipeline import splits
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build, laid_over

PRESET = yaml.safe_load((ROOT / "config/ppu_bench.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_ppu.write(tmp_path_factory.mktemp("ppu"), 3, 1)


def values(folder, *overlays):
    own = written(PRESET)
    for overlay in ({"world": {"path": str(folder), "authors": 3}}, *overlays):
        own = laid_over(own, overlay)
    return own


def published(**given):
    return {"split_settings": {"published": {"tasks": False, "cross_image": []} | given}}


def test_evaluation_rows_pass_and_offer_their_metric(folder):
    config = build(values(folder))
    check(config)
    one = splits.of_config(config)["published"]
    assert splits.lacks("ppu_tasks", one) is None
    asked = [name for name in metrics.names() if metrics.contract(name).suite == "ppu_tasks"]
    assert asked == ["ppu_tasks"]
    assert one.rows(3)["forget_tasks"] >= 24


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (published(), "metrics: ppu_tasks needs the file forget_tasks, but no split has such"),
        (published(cross_image=[2]), "cross_image: is asked beside the tasks"),
        ({"world": {"authors": 4}}, "4 subjects are needed, but it has 3"),
        ({"suite_settings": {"ppu_tasks": {"wording": "loud"}}}, "wording is 'loud'; set it to"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, overlay, words):
    assert words in message(values(folder, overlay))


def test_rows_that_are_not_there_are_refused(tmp_path):
    folder = made_ppu.write(tmp_path, 3, 1, views=1)
    said = message(values(folder))
    assert "the world ppu_bench has no rows of cross_image_3; add their files" in said
    (folder / "ppu_eval_made.parquet").unlink()
    assert "no ppu_eval*.parquet" in message(values(folder))


def test_a_model_of_text_alone_is_refused(folder):
    config = values(folder)
    config["models"] = ["tiny"]
    assert "world.provider: tiny reads text alone" in message(config)


def test_a_benchmark_without_such_rows_is_refused(tmp_path):
    names = ["Ada Berg", "Bo Ek"]
    for name, part in zip(names, ("forget10", "retain90"), strict=True):
        made_pictures.save(tmp_path / part, made_pictures.clear_rows([name]))
    world = {"provider": "clear", "path": str(tmp_path), "subset": ["forget10"], "authors": 2}
    said = message(values(tmp_path, {"world": world}))
    assert "split_settings.published: the world clear has no rows of forget_tasks" in said


def test_a_world_of_text_has_no_such_rows():
    said = message(written({"metrics": ["ppu_tasks"], "figures": []}))
    assert said.startswith("config: metrics: ppu_tasks needs the file forget_tasks")
