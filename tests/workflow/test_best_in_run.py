"""The best epoch's checkpoint, kept by the job that trains, and runs that early stopping ends."""

import shutil

import pytest

from lethe.common import paths
from lethe.common.files import read_json

NPO = "results/smoke/micro/forget10/npo/seed0"
BEST = f"{NPO}/best/model.safetensors"
RECORDS, CHOSEN = f"{NPO}/records/tofu.json", f"{NPO}/best_epoch.json"
RATIOS = f"{NPO}/metrics/truth_ratio.json"
KEPT = {"checkpoints": {"keep": "best"}, "evaluation": {"in_run": True}}
# More epochs than it takes for one that is not better.
LONG = {"method_settings": {"npo": {"epochs": 4, "lr": 5.0e-3}}}
STOPPED = {"checkpoints": {"keep": "last"}, "evaluation": {"in_run": True}, **LONG}
STOPPED |= {"best_epoch": {"stop": True, "patience": 1}}
UNLEARN, SCORE = "unlearn_npo[forget10,0]", "score[forget10,npo,0,truth_ratio]"


@pytest.fixture(scope="module")
def kept(home, tmp_path_factory):
    """A folder in which the job that trained kept the best epoch alone."""
    folder = home.copy(tmp_path_factory.mktemp("kept") / "folder")
    shutil.rmtree(folder / NPO)
    assert folder.run(BEST, RECORDS, overlay=KEPT).jobs == {UNLEARN}
    return folder


def test_choice_checkpoint_and_records_are_those_of_separate_jobs(home, kept, tmp_path):
    apart = home.copy(tmp_path / "apart")
    apart.run(BEST, CHOSEN, overlay={"checkpoints": {"keep": "best"}})
    names = sorted(file.name for file in (apart / NPO / "best").iterdir())
    assert sorted(file.name for file in (kept / NPO / "best").iterdir()) == names
    for name in (RECORDS, CHOSEN, *(f"{NPO}/best/{name}" for name in names)):
        assert (kept / name).read_bytes() == (apart / name).read_bytes()
    # The first epoch was never written but as the best, the last one for attacks.
    assert sorted(folder.name for folder in (kept / NPO).glob("epoch*")) == ["epoch2"]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"best_epoch": {"patience": 3}}, set()),
        ({"best_epoch": {"criterion": "closeness"}}, {UNLEARN}),
    ],
)
def test_another_choice_has_the_epochs_made_again(kept, change, again):
    assert kept.planned(BEST, RECORDS, overlay=KEPT | change) == again


def test_a_stopped_run_has_the_epochs_that_it_trained_alone(home, tmp_path):
    folder = home.copy(tmp_path / "folder")
    assert folder.run(RATIOS, overlay=STOPPED).jobs == {UNLEARN, SCORE}
    trained = [point["epoch"] for point in read_json(folder / RATIOS)["checkpoints"]]
    assert trained == list(range(1, len(trained) + 1))
    assert 1 < len(trained) < 4
    record = read_json(folder / paths.last(NPO) / paths.DIGEST)
    assert record["origin"]["epoch"] == len(trained)
    assert record["origin"]["settings"]["epochs"] == 4
    assert folder.planned(RATIOS, overlay=STOPPED) == set()
    # What it left does not pass for a whole run's, whoever evaluates that.
    whole = {**STOPPED, "best_epoch": {"stop": False}}
    assert folder.planned(RATIOS, overlay=whole) == {UNLEARN, SCORE}
    collect = "collect[forget10,npo,0,tofu]"
    assert folder.planned(RATIOS, overlay=LONG) == {UNLEARN, collect, SCORE}
