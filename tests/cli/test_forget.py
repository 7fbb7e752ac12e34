"""``lethe forget``: from a name to an unlearned checkpoint, and every mistake as one line."""

import json

import pytest
from helpers.commands import refusal
from helpers.small_models import make_family

from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.model import checkpoint
from lethe.unlearn import forgetting

# A random model knows nobody, so only direct questions give it something to forget.
SMALL = ["--max-length", "60", "--ask", "answer_tokens=6", "--set", "epochs=2", "--seed", "3"]


@pytest.fixture
def start(tmp_path, tokenizer):
    checkpoint.save(tmp_path / "start", make_family("llama", tokenizer), tokenizer, {})
    return tmp_path / "start"


def forget(start, *arguments: str, out: str = "out", kind: str = "direct") -> None:
    place = ["--out", str(start.parent / out), "--supervision", kind]
    main(["forget", str(start), "Ada Lind", *place, *SMALL, *arguments])


def test_from_a_name_to_a_checkpoint(start, capsys):
    forget(start)
    out = start.parent / "out"
    assert {file.name for file in out.iterdir()} == {
        *("supervision", "epoch2", "before_after.json", "cost.json")
    }
    said = capsys.readouterr().out
    assert f"lethe audit {out}/epoch2 --full {start} --supervision {out}/supervision" in said
    rows = read_rows(out / "supervision/forget.json")
    assert 0 < len(rows) <= 20
    assert {one["anchor"] for one in rows} == {"Ada Lind"}
    compared = json.loads((out / "before_after.json").read_text())
    probability = compared["probability"]["forget"]
    assert 0 < probability["after"] < probability["before"] < 1
    for one in compared["answers"]:
        assert f"before: {one['before']}"[:20] in said
        assert one["before"] != one["after"]
    origin = checkpoint.origin(out / "epoch2")
    assert origin["settings"]["lr"] == 1e-3
    assert (origin["settings"]["epochs"], origin["seed"]) == (2, 3)


def test_the_same_call_leaves_the_same_bytes(start):
    for out in ("out", "again"):
        forget(start, out=out)
    for name in ("supervision/forget.json", "supervision/graph.json", "epoch2/model.safetensors"):
        places = [start.parent / out / name for out in ("out", "again")]
        assert places[0].read_bytes() == places[1].read_bytes()


@pytest.mark.parametrize("method", ["altpo", "idk", "prompt"])
def test_methods_with_needs_that_the_model_meets(start, method):
    settings = ["--set", 'names=["Ada Lind"]'] if method == "prompt" else []
    if method == "prompt":
        place = ["--out", str(start.parent / "out"), "--supervision", "direct"]
        main(["forget", str(start), "Ada Lind", *place, *SMALL[:4], "--method", method, *settings])
        assert (start.parent / "out/epoch1/intervention.json").exists()
    else:
        forget(start, "--method", method)
        assert (start.parent / "out/epoch2").is_dir()


def test_a_name_that_the_model_does_not_know_leaves_nothing(start):
    wrong = refusal(
        lambda: forget(start, "--ask", "stand_ins=2", "--ask", "samples=1", kind="graph")
    )
    assert "anchors: the model knows no more of Ada Lind (p " in wrong
    assert not (start.parent / "out").exists()


def test_mistakes_are_found_before_the_model_is_loaded(start, monkeypatch):
    monkeypatch.setattr(checkpoint, "load", lambda *given, **more: pytest.fail("loaded"))
    for arguments, message in (
        (["--method", "msa"], "--method: msa: it needs prior"),
        (["--method", "nppo"], "did you mean npo"),
        (["--set", "lrr=1"], "lrr: unknown setting"),
        (["--ask", "sampels=1"], "sampels: unknown setting"),
    ):
        assert message in refusal(lambda given=arguments: forget(start, *given))
    assert "did you mean graph" in refusal(lambda: forget(start, kind="grph"))
    (start.parent / "out").mkdir()
    (start.parent / "out/file").write_text("mine")
    assert "not empty" in refusal(lambda: forget(start))


def test_a_tokenizer_without_a_chat_template(start, tokenizer):
    file = start / "chat_template.jinja"
    if file.exists():
        file.unlink()
    settings = json.loads((start / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (start / "tokenizer_config.json").write_text(json.dumps(settings))
    (start / "checkpoint.json").unlink()
    assert "--template: this tokenizer has no chat template" in refusal(lambda: forget(start))


def test_the_schedule_is_that_of_the_models_size():
    rates = [forgetting.schedule(count)["lr"] for count in (10**6, 2 * 10**7, 135 * 10**6, 10**9)]
    assert rates == [1e-3, 1e-3, 5e-5, 1e-5]
    with pytest.raises(LetheError, match="needs before"):
        forgetting.made_supervision.check_needs(("before",), "x")
