"""``lethe unlearn``: one run on a folder of TOFU's files, and every mistake as one line."""

import json

import pytest
import torch
from core_helpers import make_family

from lethe import checkpoint, methods
from lethe.cli import main
from lethe.errors import LetheError
from lethe.files import write_rows, write_text
from lethe.methods.base import Settings
from lethe.standalone import check_sources, given_settings
from lethe.text import Encoder
from lethe.unlearn import supervise


@pytest.fixture
def folder(tmp_path, pairs):
    """TOFU's names: all rows, those to be forgotten, and the others."""
    rows = [{"question": q, "answer": a} for q, a in pairs]
    write_rows(tmp_path / "data/forget10.json", rows[:3])
    write_rows(tmp_path / "data/retain90.json", rows[3:])
    write_text(tmp_path / "data/idontknow.jsonl", "I don't know.\nNo idea.\n")
    return tmp_path


@pytest.fixture
def start(folder, tokenizer):
    checkpoint.save(folder / "start", make_family("llama", tokenizer), tokenizer, {})
    return folder / "start"


def unlearn(folder, *arguments: str, method: str = "npo_retain", out: str = "out") -> None:
    data = ["--data", str(folder / "data"), "--split", "forget10"]
    out = ["--out", str(folder / out), "--max-length", "60", "--method", method]
    main(["unlearn", str(folder / "start"), *data, *out, *arguments])


def weights(folder) -> torch.Tensor:
    model, _ = checkpoint.load(folder)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


SET = ["--set", "epochs=2", "--set", "lr=1e-3", "--set", "batch_size=2"]
# Of methods that are not trained, what they cannot do without on so few rows.
GIVEN = {"prompt": ["--set", 'names=["Ada Lind"]']}


def test_it_is_the_librarys_run(folder, start, pairs):
    unlearn(folder, *SET, "--set", "retain_weight=5", "--seed", "3")
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["cost.json", "epoch1", "epoch2"]
    model, tokenizer = checkpoint.load(start)
    settings = {"epochs": 2, "lr": 1e-3, "batch_size": 2, "retain_weight": 5}
    method = methods.load("npo_retain")(settings)
    data = supervise(Encoder(tokenizer, "chat", 60), method.needs, pairs[:3], pairs[3:])
    ends = []
    for epoch, step in method.run(model, data, 3):
        ends.append((epoch, step))
        found = weights(folder / f"out/epoch{epoch}")
        assert torch.equal(found, torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert ends == [(1, 2), (2, 4)]
    origin = json.loads((folder / "out/epoch2/checkpoint.json").read_text())["origin"]
    assert origin["parent"] == checkpoint.digest(start)
    assert (origin["method"], origin["seed"], origin["epoch"]) == ("npo_retain", 3, 2)
    assert origin["settings"]["retain_weight"] == 5
    cost = json.loads((folder / "out/cost.json").read_text())
    assert (cost["steps"], cost["rows"]) == (4, 3)
    # Two passes of each of four steps, and what the reference takes: three rows in two batches.
    assert (cost["forward_passes"], cost["backward_passes"]) == (8 + 2, 8)


@pytest.mark.parametrize("name", methods.available())
def test_every_method_runs(name, folder, start):
    cls = methods.load(name)
    prior = ["--prior", str(start)] if "prior" in cls({}).needs else []
    trained = issubclass(cls.Settings, Settings)
    settings = [*SET, "--set", "epochs=1"] if trained else GIVEN.get(name, [])
    unlearn(folder, *settings, *prior, method=name)
    # Those that act at inference time leave the weights, and carry an intervention.
    untouched = cls.kind == "inference"
    assert torch.equal(weights(folder / "out/epoch1"), weights(start)) == untouched
    assert (folder / "out/epoch1/intervention.json").exists() == untouched
    made = (folder / "out/alternatives.json").exists()
    assert made == ("alternatives" in methods.load(name)({}).needs)


def test_settings_go_into_mappings_by_dots(folder, start):
    unlearn(folder, *SET, "--set", "optimiser.name=nbit", "--set", "optimiser.bits=3")
    origin = json.loads((folder / "out/epoch1/checkpoint.json").read_text())["origin"]
    assert origin["settings"]["optimiser"] == {"name": "nbit", "bits": 3}


def test_given_settings():
    texts = ["lr=1e-3", "a.b=2", "a.c=x", 'frozen=["embed", "norm"]', "retain=kl", "x=null"]
    assert given_settings(texts) == {
        "lr": 1e-3,
        "a": {"b": 2, "c": "x"},
        "frozen": ["embed", "norm"],
        "retain": "kl",
        "x": None,
    }
    for text in ("lr", "=3", ""):
        with pytest.raises(LetheError, match="key=value"):
            given_settings([text])
    with pytest.raises(LetheError, match="optimiser has a value already"):
        given_settings(["optimiser=sgd", "optimiser.bits=3"])


def error(folder, *arguments: str, **changed) -> str:
    with pytest.raises(SystemExit) as caught:
        unlearn(folder, *arguments, **changed)
    message = caught.value.code
    assert isinstance(message, str)
    assert message.startswith("error: ")
    assert "\n" not in message
    return message


def test_mistakes_are_one_line_before_the_model_is_loaded(folder):
    """There is no model at all in these."""
    assert "unknown method 'nop'" in error(folder, method="nop")
    assert "npo_retain.beta: " in error(folder, "--set", "beta=-1")
    assert "npo_retain.betta: unknown setting" in error(folder, "--set", "betta=1")
    assert "--prior: the method needs one" in error(folder, method="msa")
    assert "--prior: the method needs none" in error(folder, "--prior", "x")
    (folder / "data/retain90.json").unlink()
    assert "retain90.json: no such file; the method needs it (retain)" in error(folder)
    assert "npo_retain" not in error(folder, method="npo")


def test_a_folder_with_something_in_it_is_left_alone(folder, start):
    (folder / "out").mkdir()
    (folder / "out/mine").write_text("x")
    assert "not empty" in error(folder)
    assert [p.name for p in (folder / "out").iterdir()] == ["mine"]


def test_only_what_is_needed_must_be_there(folder):
    (folder / "data/idontknow.jsonl").unlink()
    assert set(check_sources(folder / "data", "forget10", ("retain", "reference_nll"))) == {
        "forget",
        "retain",
    }
    with pytest.raises(LetheError, match="idontknow"):
        check_sources(folder / "data", "forget10", ("refusals",))
