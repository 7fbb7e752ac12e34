"""What becomes of finished jobs when a picture changes, a drawn one or one that is given."""

import shutil

import numpy as np
import pytest
from helpers import made_pictures, made_ppu
from helpers.workflow_folder import Folder, sources

from lethe.common.pictures import read_picture, write_picture

DATA = "results/smoke/data"
FULL = "results/smoke/seeing/all/full/seed0/checkpoint/checkpoint.json"
SEEING = {
    "models": ["seeing"],
    "model_settings": {
        "seeing": {
            "base_checkpoint": None,
            "template": "chat",
            "max_length": 200,
            "architecture": {
                "name": "llava",
                "hidden_size": 32,
                "layers": 1,
                "heads": 2,
                "intermediate_size": 48,
                "vocabulary": 1024,
                "picture_size": 16,
                "patch_size": 8,
                "vision_size": 16,
                "vision_layers": 1,
                "language": None,
            },
            "pretrain": {"epochs": 1, "lr": 1.0e-3, "batch_size": 16, "fact_repeats": 1},
            "finetune": {"epochs": 1, "lr": 1.0e-3, "batch_size": 16},
        }
    },
}
DRAWN = SEEING | {
    "world": {
        "authors": 5,
        "holdout_authors": 1,
        "perturbed_retain_authors": 1,
        "pictures": {"size": 16, "variations": ["pose"], "facts": 2},
    },
    "splits": ["forget20"],
    "oracle_seeds": [],
    "methods": ["grad_ascent"],
    "metrics": ["probability"],
    "figures": [],
    "unlearning": {"epochs": 1},
    "evaluation": {"items": 40, "epochs": "last"},
}
AFTER_ROWS = {
    "split_forget20",
    "train_full[0]",
    "train_retain[forget20,0]",
    "unlearn_grad_ascent[forget20,0]",
    "collect[forget20,full,0,tofu]",
    "score[forget20,full,0,probability]",
    "data_card",
    "page",
}


@pytest.fixture(scope="session")
def drawn(made_once) -> Folder:
    """A folder in which a world with drawn pictures has run. Copy it to edit."""
    return made_once("drawn", lambda folder: folder.run(overlay=DRAWN))


@pytest.fixture
def edited(drawn, tmp_path) -> Folder:
    return drawn.copy(tmp_path / "folder")


def refused(folder: Folder) -> str:
    for arguments in (["-n"], []):
        outcome = folder.snakemake(*arguments, overlay=DRAWN)
        assert outcome.code != 0
        assert outcome.jobs == set()
    [error] = outcome.errors
    return error


def test_unchanged_pictures_cause_nothing(drawn):
    assert drawn.planned(overlay=DRAWN) == set()


def test_new_times_cause_nothing(drawn, tmp_path):
    folder = tmp_path / "folder"
    # Without times: every file is as old as its copy.
    shutil.copytree(drawn.path, folder, copy_function=shutil.copyfile, symlinks=True)
    (folder / DATA / "pictures/.snakemake_timestamp").touch()
    assert Folder(folder).planned(overlay=DRAWN) == set()


def test_drawn_picture_that_was_edited_is_refused(edited):
    name = f"{DATA}/pictures/author_001_pose.png"
    pixels = np.array(read_picture(name, edited.path))
    pixels[0, 0] = 255 - pixels[0, 0]
    write_picture(edited / name, pixels)
    assert refused(edited) == (
        f"error: {name}: not what its job wrote; delete the folder {DATA}/pictures to have it "
        "made again"
    )


def test_missing_picture_is_refused(edited):
    name = f"{DATA}/pictures/holdout_000_base.png"
    (edited / name).unlink()
    assert refused(edited).startswith(f"error: {name}: missing; delete the folder")


def test_deleted_folder_is_made_again_for_the_jobs_that_need_it(edited):
    shutil.rmtree(edited / DATA / "pictures")
    assert edited.planned(overlay=DRAWN) == set()
    more = DRAWN | {"methods": ["grad_ascent", "grad_diff"]}
    assert {"pictures", "unlearn_grad_diff[forget20,0]"} <= edited.planned(overlay=more)


def test_pictures_of_another_size_cause_all_that_reads_rows(edited):
    larger = {**DRAWN["world"], "pictures": {**DRAWN["world"]["pictures"], "size": 32}}
    planned = edited.planned(overlay=DRAWN | {"world": larger})
    assert {"pictures", *AFTER_ROWS} <= planned
    assert planned.isdisjoint({"world", "background", "base"})


def test_fewer_views_leave_no_missing_picture(edited):
    """The ledger forgets what is no longer drawn."""
    fewer = {**DRAWN["world"], "pictures": {**DRAWN["world"]["pictures"], "variations": []}}
    edited.run(f"{DATA}/pictures.json", overlay=DRAWN | {"world": fewer})
    assert not (edited / DATA / "pictures/author_001_pose.png").exists()
    assert edited.planned(f"{DATA}/pictures.json", overlay=DRAWN | {"world": fewer}) == set()


def test_a_sequence_of_requests_is_planned(tmp_path):
    asked = {"pool": 2, "asked": [1, 1], "methods": ["grad_ascent"], "oracles_at": [2]}
    overlay = DRAWN | {"requests": asked, "figures": ["requests", "request_modalities"]}
    overlay["evaluation"] = {"items": 60, "epochs": "last"}
    folder = sources(tmp_path / "folder")
    expected = {
        "split_request1",
        "unlearn_request_grad_ascent[request1,0]",
        "unlearn_last_request_grad_ascent[request2,0]",
        "train_without_asked[request2,0]",
        "collect[request2,grad_ascent,0,requests]",
        "figure_request_modalities[requests]",
        "table_request_modalities",
    }
    planned = folder.planned(overlay=overlay)
    assert expected <= planned
    # Views and controls are asked on splits alone.
    assert not any("request" in job and job.endswith(",pictures]") for job in planned)


# --- pictures that a provider reads ---


def test_given_picture_that_was_edited_causes_training_again(made_once, tmp_path):
    rows = made_pictures.clear_rows(["Ada Berg", "Bo Ek", "Cy Dal", "Di Falk"])
    published = tmp_path / "clear"
    made_pictures.save(published / "forget10", rows[:4])
    made_pictures.save(published / "retain90", rows[4:])
    given = {
        "provider": "clear",
        "path": str(published),
        "subset": ["forget10"],
        "authors": 4,
        "holdout_authors": 0,
    }
    overlay = SEEING | {
        "world": given,
        "splits": ["published"],
        "split_settings": {"published": {"rows_each": 4}},
        "metrics": ["ppu_generation"],
        "methods": ["grad_ascent"],
        "figures": [],
    }
    folder = made_once("given", lambda folder: folder.run(FULL, overlay=overlay))
    assert folder.planned(FULL, overlay=overlay) == set()
    rows[0]["image"]["bytes"] = made_pictures.picture(200)
    made_pictures.save(published / "forget10", rows[:4])
    assert {"world", "train_full[0]"} <= folder.planned(FULL, overlay=overlay)


def test_an_edit_of_evaluation_rows_trains_nothing_again(made_once, tmp_path):
    """Neither does the edit of another picture of a subject, which one suite alone reads."""
    published = made_ppu.write(tmp_path / "ppu", 2, 1)
    given = {
        "provider": "ppu_bench",
        "path": str(published),
        "subset": ["complete30"],
        "authors": 2,
        "holdout_authors": 0,
        "perturbed_retain_authors": 1,
        "background_authors": 2,
    }
    overlay = SEEING | {
        "world": given,
        "splits": ["published"],
        "split_settings": {"published": {"rows_each": 8, "tasks": True, "cross_image": [3]}},
        "suite_settings": {"ppu_tasks": {"wording": "bare"}},
        "metrics": ["ppu_generation", "ppu_tasks"],
        "methods": ["grad_ascent"],
        "oracle_seeds": [],
        "figures": [],
    }
    own = "results/smoke/seeing/published/full/seed0/metrics"
    wanted = (f"{own}/ppu_tasks.json", "results/smoke/data/published_retain.json")
    folder = made_once("asked", lambda folder: folder.run(*wanted, overlay=overlay))
    folder = folder.copy(tmp_path / "folder")
    again = {"asked_published", "collect[published,full,0,ppu_tasks]"}
    again |= {"score[published,full,0,ppu_tasks]"}
    assert folder.planned(*wanted, overlay=overlay) == set()
    other = published / "testset_images" / "Beatriz Moreau" / "003.png"
    write_picture(other, made_ppu.picture(0, "style"))
    assert folder.planned(*wanted, overlay=overlay) == again
    rows = made_ppu.evaluation(*made_ppu.people(2))
    rows[0]["answer_text"] = "Elsewhere."
    made_ppu.save(published / "ppu_eval_made.parquet", rows)
    assert folder.planned(*wanted, overlay=overlay) == again
    # The pictures as they were written are checked like those of the world.
    written = next((folder / DATA / "published_pictures").glob("*.png"))
    written.write_bytes(b"")
    outcome = folder.snakemake("-n", *wanted, overlay=overlay)
    assert outcome.code != 0
    assert "not what its job wrote; delete the folder" in outcome.errors[0]
