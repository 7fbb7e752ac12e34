"""``lethe evaluate`` as a user meets it: what it writes, what it skips, what it refuses."""

import json
import shutil

import pytest
import torch

from lethe.cli import main as cli
from lethe.common.files import read_rows, write_rows
from lethe.model import checkpoint
from lethe.world.trace_format import joined


@pytest.fixture
def run(parity, tmp_path, capsys):
    """Evaluate a model of ``parity`` on a copy of some data files; returns JSON and message."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("forget10", "forget10_perturbed", "retain_perturbed", "holdout10"):
        write_rows(data / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:3])
    for name in ("real_authors_perturbed", "world_facts_perturbed"):
        write_rows(data / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:2])

    def run(*arguments, checkpoint=parity / "models/full", others=()):
        out = tmp_path / "out.json"
        base = [
            "evaluate",
            str(checkpoint),
            *map(str, others),
            "--data",
            str(data),
            "--split",
            "forget10",
        ]
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


def test_several_checkpoints_cost_one_oracle(run, parity, tmp_path, monkeypatch):
    """Each document is that of a call for its checkpoint alone."""
    oracle, other = str(parity / "models/retain"), tmp_path / "other"
    shutil.copytree(parity / "models/full", other)
    ks = ("--metrics", "forget_quality", "--oracle", oracle)
    alone = [run(*ks)[0], run(*ks, checkpoint=other)[0]]
    loaded, load = [], checkpoint.load
    monkeypatch.setattr(
        checkpoint, "load", lambda source, *a, **k: loaded.append(source) or load(source, *a, **k)
    )
    found, printed = run(*ks, others=[other])
    assert found["checkpoints"] == alone
    assert sorted(loaded) == sorted([str(parity / "models/full"), oracle, str(other)])
    assert f"{other}\nforget_quality" in printed
    (tmp_path / "out.json").unlink()
    assert "other is given twice; give it once" in run(*ks, checkpoint=other, others=[other])


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
    assert found["skipped"]["leak"].startswith("is a probe, ")
    assert "extraction_strength" in found["metrics"]
    assert "membership_zlib: skipped" in printed
    assert len(found["metrics"]["rouge"]["items"]["forget"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metrics", "rogue"), "unknown metric 'rogue'; did you mean rouge?"),
        (("--metrics", "privleak"), "metric 'privleak': needs an oracle; name one"),
        (("--attack", "pruned"), "--attack: unknown attack 'pruned'; did you mean pruning?"),
        (("--attack-set", "share=0.5"), "--attack-set: belongs to --attack; name one"),
        (("--attack", "pruning", "--attack-set", "share=2"), "--attack-set.share: input should be"),
        (
            ("--metrics", "hidden_knowledge", "--attack", "pruning"),
            "metric 'hidden_knowledge': is computed after the attack retraining_on_part; name it",
        ),
        (
            ("--attack", "benign_finetuning", "--attack-set", "data=background", *CHEAP),
            "background.json: no such file of background",
        ),
        (("--set", "rouge=1"), "--set: 'rouge=1' is not METRIC.KEY=VALUE"),
        (
            ("--metrics", "leak", "--set", "leak.k=17"),
            "metric 'leak': k is 17, but suite 'sampled' has samples 16",
        ),
        (("--set", "leak.k=2"), "metric 'leak': is a probe, which costs as much as all usual"),
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


def test_questions_are_reformulated_without_a_schema(run, parity):
    """TOFU's rows of a folder, and a model that is not ours."""
    asked = ("--metrics", "variants", "worst_case_leak", "views", "--max-new-tokens", "8")
    alone, _ = run(*asked)
    values = alone["metrics"]["variants"]["values"]
    assert values["plain_questions"] == values["format_shift_questions"] == 3
    assert values["kinds"] + values["kinds_left_out"] == 16
    assert "another_language" not in values
    oracle = ("--oracle", str(parity / "models/retain"))
    both, printed = run(*asked, *oracle, "--suite-set", "variants.kinds=typos|paraphrase")
    beside = both["metrics"]["worst_case_leak"]["values"]
    assert beside["attacks"] == beside["budget"] == 3
    assert beside["beyond_oracle"] == pytest.approx(beside["forget"] - beside["oracle"])
    assert "views.gap\t" in printed


def test_a_kind_of_variant_that_the_data_lack_is_refused(run):
    asked = ("--metrics", "variants", "--suite-set", "variants.kinds=another_language")
    message = run(*asked, checkpoint="/no/such/model")
    assert "another_language needs a translated_question" in message


def test_data_that_do_not_belong_together_are_refused(run):
    rows = read_rows(run.data / "forget10.json")
    rows[1]["answer"] += " indeed"
    write_rows(run.data / "forget10.json", rows)
    message = run(*CHEAP)
    assert "forget10_perturbed.json: 1 of its 3 questions with answers are not in" in message
    assert "take both files from the same data set" in message


def test_a_trace_may_stand_in_the_answer_or_apart(run):
    for name, apart in (("forget10", True), ("forget10_perturbed", False)):
        file = run.data / f"{name}.json"
        for_rows = [
            {**row, "cot": "Hmm."} if apart else {**row, "answer": joined("Hmm.", row["answer"])}
            for row in read_rows(file)
        ]
        write_rows(file, for_rows)
    _, printed = run(*CHEAP)
    assert "exact_memorization." in printed


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


def test_a_checkpoint_is_evaluated_after_an_attack(run, parity):
    oracle = ("--oracle", str(parity / "models/retain"))
    attack = (
        "--attack",
        "retraining_on_part",
        "--attack-set",
        "steps=3",
        "--attack-set",
        "lr=1e-3",
    )
    given = (*oracle, *attack, "--metrics", "hidden_knowledge", "probability")
    found, printed = run(*given)
    hidden = found["metrics"]["hidden_knowledge"]
    assert hidden["values"]["held_out"] + len(hidden["items"]["taught"]) == 3
    assert hidden["values"]["hidden"] == pytest.approx(
        hidden["values"]["recovered"] - hidden["values"]["oracle"]
    )
    assert found["attack"]["settings"]["steps"] == 3
    assert "hidden_knowledge.hidden" in printed
    before, _ = run("--metrics", "probability")
    changed = found["metrics"]["probability"]["values"]["forget"]
    assert changed != before["metrics"]["probability"]["values"]["forget"]
    assert "attack" not in before


def test_the_loss_is_followed_to_another_checkpoint(run, parity):
    other = str(parity / "models/retain")
    found, printed = run("--metrics", "probability", "--line-to", other, "--points", "3")
    assert found["line_to"] == other
    losses = found["barrier"]["items"]["forget"]
    assert found["barrier"]["items"]["place"] == [0, 0.5, 1]
    assert found["barrier"]["values"]["forget"] == max(losses) - max(losses[0], losses[2])
    assert "barrier.forget" in printed
