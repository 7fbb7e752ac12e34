"""A split with two oracles, trained for real: what coincides, and what another share plans."""

import json

import pytest
from helpers.workflow_folder import Folder, sources

GIVEN = {"kind": "behaviour", "place": 2, "answer": "fiction"}
SPLITS = {"quarter": {**GIVEN, "share": 0.25}, "whole": {**GIVEN, "share": 1}}
TOFUS = ("probability", "rouge", "truth_ratio", "model_utility", "forget_quality")
OVERLAY = {
    "splits": list(SPLITS),
    "split_settings": SPLITS,
    "oracle_seeds": [],
    "methods": ["npo"],
    "unlearning": {"epochs": 1},
    "metrics": [*TOFUS, "behaviour", "generalisation"],
    "figures": ["two_oracles"],
    "evaluation": {"items": 8, "max_length": 40},
}
ROLES = ("without_all", "without_share")
RUNS = ("full", *ROLES, "npo")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Folder:
    folder = sources(tmp_path_factory.mktemp("behaviour") / "folder")
    folder.run(overlay=OVERLAY)
    return folder


def values(folder, split, run) -> dict:
    name = f"results/smoke/micro/{split}/{run}/seed0/metrics/generalisation.json"
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    return document["checkpoints"][-1]["values"]


def test_given_whole_both_oracles_coincide_byte_for_byte(finished):
    for file in (
        "checkpoint/model.safetensors",
        "metrics/behaviour.json",
        "metrics/truth_ratio.json",
    ):
        both = [finished.results(f"micro/whole/{role}/seed0/{file}") for role in ROLES]
        assert len(both[0]) == len(both[1]) == 1
        assert [*both[0].values()] == [*both[1].values()]
    for run in RUNS:
        found = values(finished, "whole", run)
        for name in ("ks", "probability", "js"):
            assert found[f"without_all_{name}"] == found[f"without_share_{name}"]


def test_with_a_share_they_differ(finished):
    weights = "seed0/checkpoint/model.safetensors"
    one, other = (finished.results(f"micro/quarter/{role}/{weights}") for role in ROLES)
    assert [*one.values()] != [*other.values()]
    for role in ROLES:
        found = values(finished, "quarter", role)
        assert [found[f"{role}_{name}"] for name in ("ks", "probability", "js")] == [0, 0, 0]
        assert max(found[f"{one}_probability"] for one in ROLES) > 0
    table = (finished / "results/smoke/tables/behaviour.md").read_text(encoding="utf-8")
    assert table.count("| quarter") == table.count("| whole") == len(RUNS)


def test_nothing_is_left_to_do(finished):
    assert finished.planned(overlay=OVERLAY) == set()


def test_another_share_causes_its_own_jobs_alone(finished):
    third = {**OVERLAY, "splits": ["quarter", "third", "whole"]}
    third["split_settings"] = {**SPLITS, "third": {**GIVEN, "share": 0.33}}
    own = {"split_third", "reference[third,0]", "unlearn_npo[third,0]", "figure_two_oracles[third]"}
    own |= {f"train_{role}[third,0]" for role in ROLES}
    own |= {f"collect[third,{run},0,{name}]" for run in RUNS for name in ("tofu", "behaviour")}
    own |= {f"score[third,{run},0,{name}]" for run in RUNS for name in OVERLAY["metrics"]}
    shared = {"scores", "intervals", "claims", "data_card", "page", "all"}
    found = finished.planned(overlay=third)
    assert own <= found
    of_all = {job for job in found - own if not job.startswith("table_")}
    assert of_all == shared | {f"figure_two_oracles[{name}]" for name in SPLITS}


def test_a_changed_share_leaves_the_other_splits_alone(finished):
    changed = {**SPLITS, "quarter": {**GIVEN, "share": 0.3}}
    found = finished.planned(overlay={**OVERLAY, "split_settings": changed})
    # The oracle of the whole behaviour learns what it did.
    assert "train_without_share[quarter,0]" in found
    assert not {job for job in found if "[whole" in job} - {"figure_two_oracles[whole]"}
    assert "train_full[0]" not in found


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({**GIVEN, "answer": "haiku", "share": 1}, "no row shows this behaviour; change answer"),
        ({**GIVEN, "share": 0.001}, "share: 0.001 of 100 rows leaves nothing to forget; raise it"),
        ({"kind": "partial", "facts": 25}, "an author has 20 facts; lower it, found 25"),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(finished, split, words):
    overlay = {**OVERLAY, "splits": ["quarter", "mine"]}
    overlay["split_settings"] = {**SPLITS, "mine": split}
    (line,) = finished.snakemake("-n", overlay=overlay).errors
    assert words in line
    assert "split_settings.mine" in line


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (
            {"metrics": ["probability", "rouge", "same_author_retain"]},
            "same_author_retain needs the file kept_perturbed, but no split has such a part",
        ),
        (
            {"metrics": ["generalisation", "behaviour"]},
            "needs the oracle without_all, but no split",
        ),
        (
            {"method_settings": {"npo": {"wrappers": {"bao": {"pairs": "subject"}}}}},
            "methods: npo needs subjects: split forget10: no part 'subjects'",
        ),
    ],
)
def test_what_other_splits_lack_is_refused_before_any_job(finished, overlay, words):
    (line,) = finished.snakemake("-n", overlay=overlay).errors
    assert words in line


def test_splits_without_the_rows_of_a_metric_do_without_it(finished):
    splits = {"partly": {"kind": "partial", "choice": "selective", "facts": 5, "authors": 2}}
    overlay = {"splits": ["forget10", "partly"], "split_settings": splits, "methods": ["npo"]}
    overlay |= {"metrics": [*TOFUS, "same_author_retain"], "figures": ["kept_over_forgotten"]}
    found = finished.planned(overlay=overlay)
    assert "score[partly,npo,0,same_author_retain]" in found
    assert "figure_kept_over_forgotten[partly]" in found
    assert not {job for job in found if "forget10" in job and "same_author" in job}
    assert not {job for job in found if job.startswith("collect[forget10") and "kept" in job}
