"""MUSE's numbers from made logs of its evaluation's form: by hand, and what is refused."""

import json

import pytest

from lethe.analysis.muse_scores import muse_logs
from lethe.cli.main import main
from lethe.common.errors import LetheError

# Truth, response, F1 over their words.
ITEMS = [("she was born in Oslo", "she was born in Rome", 0.8), ("Oslo", "oslo.", 1.0)]
SURPRISES = {"forget": [4.5, 6.5], "retain": [0.5], "holdout": [9.0, 5.5]}


def write(folder, name, log, own=None):
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "log.json").write_text(json.dumps(log), encoding="utf-8")
    if own is not None:
        file = "auc.json" if name == "privleak" else "agg.json"
        (folder / name / file).write_text(json.dumps(own), encoding="utf-8")


def texts(items, **more):
    keys = ("rougeL_recall", "rouge1", "rouge1_recall")
    return [
        {"prompt": "p", "gt": gt, "response": said, "rougeL": f1, **dict.fromkeys(keys, f1), **more}
        for gt, said, f1 in items
    ]


def attack(by_set):
    return {
        name: [
            {"text": f"{name} {n}", "PPL": 1.0, "Min-40%": value} for n, value in enumerate(some)
        ]
        for name, some in by_set.items()
    }


@pytest.fixture
def folder(tmp_path):
    """The four logs of one model."""
    write(tmp_path, "verbmem_f", texts(ITEMS), {"max_rougeL": 1.0, "mean_rougeL": 0.9})
    write(tmp_path, "knowmem_f", texts(ITEMS[:1], question="q"), {"mean_rougeL": 0.8})
    write(tmp_path, "knowmem_r", texts(ITEMS[1:], question="q"), {"mean_rougeL": 1.0})
    write(tmp_path, "privleak", attack(SURPRISES), {"forget_holdout_Min-40%": 0.25})
    return tmp_path


def test_all_numbers_by_hand(folder):
    numbers = muse_logs(folder, corpus="books")
    assert numbers["verbmem_f"] == pytest.approx(90)
    assert (numbers["knowmem_f"], numbers["knowmem_r"]) == (pytest.approx(80), 100)
    assert [numbers[f"n {name}"] for name in ("verbmem_f", "knowmem_f", "knowmem_r")] == [2, 1, 1]
    assert numbers["stated verbmem_f"] == 90
    # One of the four pairs has the smaller surprise on the holdout side: 5.5 < 6.5.
    assert (numbers["auc"], numbers["stated auc"], numbers["n auc"]) == (0.25, 0.25, [2, 2])
    assert numbers["privleak"] == pytest.approx(100 * (0.25 - 0.5393) / 0.5393)
    assert numbers["auc_retrain from"] == "MUSE's constant for books"
    assert numbers["missing"] == []
    assert muse_logs(folder, corpus="news")["auc_retrain"] == 0.4772
    assert not {"privleak", "auc_retrain"} & set(muse_logs(folder))


def test_the_retrained_model_in_place_of_the_constant(folder, tmp_path):
    write(tmp_path / "retrain", "privleak", attack({"forget": [2, 4], "holdout": [1, 3]}))
    numbers = muse_logs(folder, oracle=tmp_path / "retrain")
    assert (numbers["auc_retrain"], numbers["privleak"]) == (0.75, pytest.approx(-200 / 3))


def test_what_was_written_of_an_item_is_not_believed(folder):
    write(folder, "verbmem_f", texts([(*ITEMS[0][:2], 0.1), ITEMS[1]]), {"mean_rougeL": 0.55})
    numbers = muse_logs(folder)
    assert numbers["verbmem_f"] == pytest.approx(90)
    assert (numbers["stated verbmem_f"], numbers["differing verbmem_f"]) == (pytest.approx(55), 1)


def test_some_logs_may_be_missing(tmp_path):
    write(tmp_path, "knowmem_f", texts(ITEMS, question="q"))
    numbers = muse_logs(tmp_path)
    assert numbers["missing"] == ["verbmem_f", "knowmem_r", "privleak"]
    assert "stated knowmem_f" not in numbers


BROKEN = {
    "no list": ("verbmem_f", {"a": 1}, r"verbmem_f/log\.json: not a list of items"),
    "no items": ("verbmem_f", [], r"verbmem_f/log\.json: not a list of items"),
    "no object": ("verbmem_f", [1], r"log\.json, item 1: not an object"),
    "no text": ("verbmem_f", [{"prompt": "p", "gt": "g"}], r"item 1: 'response' is not a text"),
    "no number": (
        "knowmem_f",
        [{"prompt": "p", "gt": "g", "response": "r", "rougeL": "1"}],
        r"knowmem_f/log\.json, item 1: 'rougeL' is '1', not a number",
    ),
    "no sets": ("privleak", [], r"privleak/log\.json: not the items of forget and holdout"),
    "no holdout": (
        "privleak",
        {"forget": [{"Min-40%": 1.0}]},
        r"privleak/log\.json: holdout: not a list of items",
    ),
    "not finite": (
        "privleak",
        {"forget": [{"Min-40%": float("nan")}], "holdout": []},
        r"forget, item 1: 'Min-40%' is nan, not a number",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_logs_of_another_form_are_refused_in_one_line(folder, name):
    place, content, words = BROKEN[name]
    write(folder, place, content)
    with pytest.raises(LetheError, match=words) as caught:
        muse_logs(folder)
    assert "\n" not in str(caught.value)


def test_what_no_number_comes_from_is_refused(folder, tmp_path):
    with pytest.raises(LetheError, match="absent: no such folder; name the folder that MUSE's"):
        muse_logs(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LetheError, match=r"no log\.json in verbmem_f, knowmem_f, knowmem_r, priv"):
        muse_logs(tmp_path / "empty")
    with pytest.raises(LetheError, match="--oracle and --corpus: both say what PrivLeak"):
        muse_logs(folder, folder, "news")
    write(tmp_path / "retrain", "privleak", attack({"forget": [1], "holdout": [2]}))
    with pytest.raises(LetheError, match="its AUC is 0, by which PrivLeak divides"):
        muse_logs(folder, tmp_path / "retrain")
    write(tmp_path / "other", "verbmem_f", texts(ITEMS))
    with pytest.raises(LetheError, match=r"other: no privleak/log\.json; name a folder that has"):
        muse_logs(folder, tmp_path / "other")
    write(folder, "verbmem_f", texts(ITEMS), {"mean_rouge": 1})
    with pytest.raises(LetheError, match=r"agg\.json: 'mean_rougeL' is None, not a number"):
        muse_logs(folder)


def test_the_command_prints_and_writes_the_same(folder, tmp_path, capsys):
    out = tmp_path / "numbers.json"
    main(["muse-logs", str(folder), "--corpus", "books", "--out", str(out)])
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(out.read_text("utf-8")) == muse_logs(folder, corpus="books")


def test_what_privleak_compares_with_needs_its_log(tmp_path):
    write(tmp_path, "verbmem_f", texts(ITEMS))
    with pytest.raises(LetheError, match=r"--corpus: only for PrivLeak, but .* has no privleak/lo"):
        muse_logs(tmp_path, corpus="books")
    with pytest.raises(LetheError, match="--oracle: only for PrivLeak"):
        muse_logs(tmp_path, oracle=tmp_path)


def test_a_log_or_a_folder_is_not_written_over(folder):
    log = folder / "verbmem_f" / "log.json"
    before = log.read_bytes()
    for out, words in ((log, "this file is an input"), (folder, "a folder; name a file in it")):
        with pytest.raises(SystemExit, match=words):
            main(["muse-logs", str(folder), "--out", str(out)])
    assert log.read_bytes() == before
