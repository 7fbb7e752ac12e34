"""Runs that start from another run's end: the jobs and what they start from."""

from lethe.model import checkpoint, checkpoint_record

RUNS = "results/smoke/micro/forget10"
OVERLAY = {
    "methods": ["grad_ascent", "kl_min", "npo", "again", "guided"],
    "method_settings": {
        "again": {"method": "grad_ascent", "previous_run": "npo"},
        "guided": {"method": "npo", "previous_run": "again", "wrappers": {"conflict_freezing": {}}},
    },
}


def test_a_run_starts_where_another_ended(worked):
    """The second compares itself with what was before the first, and computes its own reference."""
    end = f"{RUNS}/guided/seed0/epoch2"
    done = worked.run(f"{end}/checkpoint.json", overlay=OVERLAY)
    assert done.jobs == {"unlearn_again[forget10,0]", "unlearn_guided[forget10,0]"}
    for run, before in (("again", "npo"), ("guided", "again")):
        parent = checkpoint.origin(worked / f"{RUNS}/{run}/seed0/epoch2")["parent"]
        assert parent == checkpoint_record.digest(worked / f"{RUNS}/{before}/seed0/epoch2")
    assert checkpoint_record.digest(worked / end) != parent
    said = (worked / "results/logs/smoke/micro/forget10/guided/seed0.log").read_text("utf-8")
    assert "conflict_freezing: freezes" in said
    assert worked.planned(f"{end}/checkpoint.json", overlay=OVERLAY) == set()


def test_another_end_runs_again_what_starts_from_it(home):
    """Of a run of three in a row, the setting of the first makes all three run."""
    overlay = {**OVERLAY, "method_settings": {**OVERLAY["method_settings"], "npo": {"beta": 0.2}}}
    planned = home.planned(overlay=overlay)
    assert {f"unlearn_{run}[forget10,0]" for run in ("npo", "again", "guided")} <= planned
    assert not {"train_full[0]", "unlearn_kl_min[forget10,0]"} & planned
