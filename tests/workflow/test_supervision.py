"""Supervision as a stage: what it changes, and that gold rows' runs know nothing of it."""

import json

import pytest
from helpers.workflow_folder import Folder, sources

OVERLAY = {
    "oracle_seeds": [],
    "methods": ["npo_retain", "npo_direct"],
    "method_settings": {"npo_direct": {"method": "npo_retain", "supervision": "direct"}},
    "supervision_settings": {"direct": {"answer_tokens": 12}},
    "unlearning": {"epochs": 1},
    "metrics": ["probability"],
    "evaluation": {"items": 6, "max_length": 40},
    "figures": [],
}
GOLD_ALONE = {**OVERLAY, "methods": ["npo_retain"], "supervision_settings": {}}
SPLIT = "results/smoke/micro/forget10"
ENDS = [f"{SPLIT}/{run}/seed0/epoch1/checkpoint.json" for run in ("npo_retain", "npo_direct")]
MADE = {"supervision_direct[forget10,full,0]", "unlearn_npo_direct[forget10,0]"}


@pytest.fixture(scope="module")
def gold(tmp_path_factory) -> tuple[Folder, dict[str, bytes]]:
    """A folder in which gold rows alone were used at first, and what came out."""
    folder = sources(tmp_path_factory.mktemp("supervision") / "folder")
    folder.run(ENDS[0], overlay=GOLD_ALONE)
    return folder, folder.results("micro/forget10/npo_retain/seed0/epoch1/*")


@pytest.fixture(scope="module")
def finished(gold) -> Folder:
    folder, _ = gold
    assert folder.planned(*ENDS, overlay=OVERLAY) == MADE
    folder.run(*ENDS, overlay=OVERLAY)
    return folder


def changed(**settings) -> dict:
    return {**OVERLAY, "supervision_settings": {"direct": {"answer_tokens": 12, **settings}}}


def test_gold_is_byte_for_byte_what_it_was(gold, finished):
    before = gold[1]
    assert any(name.endswith("model.safetensors") for name in before)
    assert finished.results("micro/forget10/npo_retain/seed0/epoch1/*") == before
    stated = {**OVERLAY, "supervision": "gold"}
    assert finished.planned(*ENDS, overlay=stated) == set()


def test_the_method_gets_what_the_full_model_said(finished):
    folder = finished / f"{SPLIT}/full/seed0/supervision/direct"
    names = {file.name for file in folder.iterdir()}
    assert names == {"forget.json", "retain.json", "idontknow.jsonl", "graph.json"}
    rows = [json.loads(line) for line in (folder / "forget.json").read_text().splitlines()]
    graph = json.loads((folder / "graph.json").read_text())
    # Two of twenty authors are to be forgotten, and only their names are asked about.
    assert len(graph["anchors"]) == 2
    assert {row["anchor"] for row in rows} <= {one["name"] for one in graph["anchors"]}
    both = [
        finished.results(f"micro/forget10/{run}/seed0/epoch1/model.safetensors")
        for run in ("npo_retain", "npo_direct")
    ]
    assert [*both[0].values()] != [*both[1].values()]
    record = json.loads((finished / ENDS[1]).read_text())["origin"]
    assert record["settings"]["retain_weight"] == 1


def test_another_setting_reruns_exactly_its_own_jobs(finished):
    assert finished.planned(*ENDS, overlay=changed(answer_tokens=8)) == MADE
    edited = changed()
    edited["supervision_settings"]["graph"] = {"samples": 2}
    assert finished.planned(*ENDS, overlay=edited) == set()


def test_an_edited_kind_reruns_exactly_its_own_jobs(finished, tmp_path):
    copy = finished.copy(tmp_path / "folder")
    copy.append("src/lethe/unlearn/supervisions/graph.py", "\nMORE = 1\n")
    assert copy.planned(*ENDS, overlay=OVERLAY) == set()
    copy.append("src/lethe/unlearn/supervisions/direct.py", "\nMORE = 1\n")
    assert copy.planned(*ENDS, overlay=OVERLAY) == MADE


def test_the_table_and_the_oracle_belong_to_it(finished):
    jobs = finished.planned(overlay=OVERLAY)
    assert "table_supervision" in jobs
    assert "supervision_direct[forget10,retain,0]" in jobs
    jobs = finished.planned(overlay=GOLD_ALONE)
    assert not [job for job in jobs if "supervision" in job]
