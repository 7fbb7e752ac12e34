"""``lethe evaluate`` as a user meets it: what it writes, what it skips, what it refuses."""

import json
import shutil

import pytest
import torch

from lethe.cli import main as cli
from lethe.common.files import read_rows, write_rows


@pytest.fixture
def run(parity, tmp_path, capsys):
    """Evaluate a model of ``parity`` on a copy of some data files; returns JSON and message."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("forget10", "forget10_perturbed", "retain_perturbed", "holdout10"):
        write_rows(data / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:3])
    for name in ("real_authors_perturbed", "world_facts_perturbed"):
        write_rows(data / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:2])

    def run(*arguments, checkpoint=parity / "models/full"):
        out = tmp_path / "out.json"
        base = ["evaluate", str(checkpoint), "--data", str(data), "--split", "forget10"]
        try:
            cli.main([*base, "--out", str(out), *arguments])
        except SystemExit as error:
            assert not out.exists()
            return str(error.code)
        return json.loads(out.read_text()), capsys.readouterr().out

    run.data = data
    return run


CHEAP = ("--metrics", "exact_memorization", "membership_min_k")


def test_values_and_items_are_written_and_printed(run):
    found, printed = run(*CHEAP)
    metric = found["metrics"]["membership_min_k"]
    assert set(metric["values"]) == {"auc", "forget", "holdout"}
    assert len(metric["items"]["holdout"]) == len(metric["questions"]["holdout"]) == 3
    assert f"membership_min_k.auc\t{metric['values']['auc']:.6g}" in printed
    assert found["template"]["system"] == "You are a helpful assistant."


def test_the_same_request_gives_the_same_bytes(run, tmp_path):
    run(*CHEAP)
    first = (tmp_path / "out.json").read_bytes()
    run(*CHEAP)
    assert (tmp_path / "out.json").read_bytes() == first


def test_what_cannot_be_computed_is_said(run):
    (run.data / "holdout10.json").unlink()
    found, printed = run("--items", "1", "--max-new-tokens", "2")
    assert "holdout10.json: no such file" in found["skipped"]["membership_zlib"]
    assert found["skipped"]["forget_quality"] == "needs an oracle; name one"
    assert "extraction_strength" in found["metrics"]
    assert "membership_zlib: skipped" in printed
    assert len(found["metrics"]["rouge"]["items"]["forget"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metrics", "rogue"), "unknown metric 'rogue'; did you mean rouge?"),
        (("--metrics", "privleak"), "metric 'privleak': needs an oracle; name one"),
        (("--set", "rouge=1"), "--set: 'rouge=1' is not METRIC.KEY=VALUE"),
        (("--set", "leak.k=17"), "metric 'leak': k is 17, but suite 'sampled' has samples 16"),
        (("--suite-set", "sampled=1"), "--suite-set: 'sampled=1' is not SUITE.KEY=VALUE"),
        (("--suite-set", "sampled.nli=/no/such"), "nli: /no/such: no config.json; name a folder"),
        (("--set", "rouge.stem=no"), "metric 'rouge': unknown setting 'stem'"),
        (("--template", "gpt"), "template: unknown name 'gpt'"),
        (("--compute", "dtype=half"), "--compute.dtype: input should be"),
        (("--compute", "lora.rank=8"), "--compute lora: evaluation trains nothing; leave it out"),
        (("--device", "cuda:9"), "cuda:9, but torch finds no GPU"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(run, arguments, message):
    found = run(*arguments)
    assert found.startswith("error: ")
    assert message in found
    assert "\n" not in found


def test_answers_are_sampled_with_and_without_an_oracle(run, parity):
    asked = ("--metrics", "leak", "--suite-set", "sampled.samples=3", "--set", "leak.k=2")
    asked += ("--max-new-tokens", "8", "--set", "leak.threshold=0.05")
    alone, _ = run(*asked)
    values = alone["metrics"]["leak"]["values"]
    assert "oracle" not in values
    assert values["samples"] == 3
    assert values["questions"] + values["left_out"] == 3
    assert alone["suite_settings"] == {"sampled": {"samples": 3}}
    both, printed = run(*asked, "--oracle", str(parity / "models/retain"))
    beside = both["metrics"]["leak"]["values"]
    assert beside["forget"] == values["forget"]
    assert beside["beyond_oracle"] == pytest.approx(beside["forget"] - beside["oracle"])
    assert "leak.oracle\t" in printed


def test_depth_compares_with_full_and_oracle(run, parity, tmp_path):
    full, retain = (str(parity / "models" / name) for name in ("full", "retain"))
    asked = ("--metrics", "depth", "--full", full)
    assert run(*asked).endswith("metric 'depth': needs an oracle; name one")
    bare = run("--metrics", "depth", "--oracle", retain)
    assert bare.endswith("needs the model before unlearning; name it as full")
    # The full model has lost nothing, a copy of the oracle as much as it.
    values = run(*asked, "--oracle", retain)[0]["metrics"]["depth"]["values"]
    assert values["depth"] == 0
    assert values["questions"] + values["no_fact"] + values["not_encoded"] == 3
    copied = tmp_path / "copy"
    shutil.copytree(retain, copied)
    depth = run(*asked, "--oracle", retain, checkpoint=copied)[0]["metrics"]["depth"]
    assert depth["values"]["depth"] == 1
    assert set(depth["items"]["forget"]) == {1.0}


def test_depth_refuses_an_oracle_of_another_architecture_before_work(run, parity, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(parity / "models/retain", other)
    config = json.loads((other / "config.json").read_text())
    config["num_hidden_layers"] += 1
    (other / "config.json").write_text(json.dumps(config))
    asked = ("--full", str(parity / "models/full"), "--oracle", str(other))
    message = run("--metrics", "depth", *asked)
    layers = config["num_hidden_layers"]
    assert f"{other}: another architecture than {parity / 'models/full'}" in message
    assert f"(layers {layers}, not {layers - 1})" in message
    assert "\n" not in message


def test_data_that_do_not_belong_together_are_refused(run):
    rows = read_rows(run.data / "forget10.json")
    rows[1]["answer"] += " indeed"
    write_rows(run.data / "forget10.json", rows)
    message = run(*CHEAP)
    assert "forget10_perturbed.json: 1 of its 3 questions with answers are not in" in message
    assert "take both files from the same data set" in message


def test_missing_data_are_refused_before_a_model_is_loaded(run):
    (run.data / "forget10_perturbed.json").unlink()
    message = run(*CHEAP, checkpoint="/no/such/model")
    assert "forget10_perturbed.json: no such file" in message


def test_a_checkpoint_without_tokenizer_is_refused(run, parity, tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(parity / "models/full" / name, folder / name)
    message = run(*CHEAP, checkpoint=folder)
    assert f"{folder}: no tokenizer" in message


def test_losses_that_are_not_numbers_are_refused(run, parity, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(parity / "models/full", folder, copy_function=shutil.copyfile)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][:] = float("nan")
    (folder / "model.safetensors").unlink()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    message = run(*CHEAP, checkpoint=folder)
    assert f"{folder}" in message
    assert "not finite" in message


def test_numbers_and_attention_are_those_that_were_chosen(run, monkeypatch):
    from lethe.model import checkpoint

    loaded, load = [], checkpoint.load

    def noted(*arguments, **more):
        loaded.append(load(*arguments, **more))
        return loaded[-1]

    monkeypatch.setattr(checkpoint, "load", noted)
    plain, _ = run(*CHEAP)
    other, _ = run(*CHEAP, "--compute", "dtype=bfloat16", "--compute", "attention=eager")
    (first, _), (second, _) = loaded
    assert {p.dtype for p in first.parameters()} == {torch.float32}
    assert {p.dtype for p in second.parameters()} == {torch.bfloat16}
    assert first.config._attn_implementation != second.config._attn_implementation
    assert second.config._attn_implementation.endswith("eager")
    assert other["compute"] == {"dtype": "bfloat16", "attention": "eager"}
    values = [found["metrics"]["membership_min_k"]["values"]["forget"] for found in (plain, other)]
    # Bfloat16 rounds to 1/256: close, and not the same.
    assert values[0] != values[1]
    assert values[0] == pytest.approx(values[1], rel=0.05)


def test_every_checkpoint_is_looked_at_before_one_is_loaded(run, monkeypatch):
    from lethe.model import checkpoint

    monkeypatch.setattr(checkpoint, "load", None)
    message = run("--metrics", "privleak", "--oracle", "/no/such/oracle")
    assert message.startswith("error: /no/such/oracle: no such checkpoint")
