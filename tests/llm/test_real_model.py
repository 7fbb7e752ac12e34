"""A real language model behind a local service makes a small world (docs/profiles.md tells how)."""

import os

import pytest
import yaml
from workflow_folder import ROOT

from lethe.files import read_rows
from lethe.world import command

URL = os.environ.get("LETHE_LLM_URL")


@pytest.mark.llm
@pytest.mark.skipif(URL is None, reason="LETHE_LLM_URL names no service")
def test_a_real_model_makes_a_world(tmp_path, monkeypatch):
    """Its authors pass the gates, whatever a small model makes of the task."""
    for name in ("config", "workflow"):
        os.symlink(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    world = {
        "name": "real",
        "authors": 2,
        "holdout_authors": 1,
        "perturbed_retain_authors": 1,
        "openai": {"service": {"base_url": URL}},
    }
    preset = tmp_path / "real.yaml"
    preset.write_text(yaml.safe_dump({"world": world, "splits": ["forget50"]}))
    files = ["config/smoke.yaml", "config/small_llm.yaml", str(preset)]
    command.run(files, "out", dry=False)
    rows = read_rows(tmp_path / "out/data/full_perturbed.json")
    assert len(rows) == 2 * 20
    for row in rows:
        texts = [row["paraphrased_answer"], *row["perturbed_answer"]]
        assert len(set(texts)) == 6
    print((tmp_path / "out/data/README.md").read_text())
