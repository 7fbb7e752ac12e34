"""A masked-diffusion model under suites, attacks and an audit's plan."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import masked_models

from lethe.analysis.attacked_checkpoints import Attack
from lethe.analysis.audit.data import AuditRows
from lethe.analysis.audit.plan import AuditRequest
from lethe.analysis.audit.plan import plan as planned
from lethe.analysis.checkpoint_evaluation import Request, evaluate
from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.evaluate import suite as suites
from lethe.evaluate.attacked_model import attack_checkpoint
from lethe.evaluate.collect import collect
from lethe.evaluate.records import read_records, write_records
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.likelihood import Likelihood
from lethe.unlearn.forgetting import forget

ROWS = [
    {
        "question": f"Who is {name}?",
        "answer": f"{name} writes novels.",
        "paraphrased_question": f"Who, then, is {name}?",
        "paraphrased_answer": f"A writer, {name}.",
        "perturbed_answer": [f"{name} writes plays.", "No one."],
    }
    for name in ("Ada", "Ben", "Lind", "Paris")
]
FACTS = [{key: row[key] for key in ("question", "answer", "perturbed_answer")} for row in ROWS]
SETS = {"forget": ROWS, "retain": ROWS[:2], "real_authors": FACTS, "world_facts": FACTS[:1]}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked") / "model"
    model, tokenizer = masked_models.make(draws=8, answer_tokens=12, denoising_steps=4)
    checkpoint.save(folder, model, tokenizer, {"stage": "base", "template": "chat"})
    return folder


def test_records_hold_each_loss_with_its_error(saved, tmp_path):
    records = collect("tofu", [saved], SETS)
    write_records(tmp_path / "tofu.json", records)
    forget = read_records(tmp_path / "tofu.json").checkpoints[0].sets["forget"]
    assert np.asarray(forget.loss_error).shape == (4, 4)
    assert (np.asarray(forget.loss_error) > 0).all()
    model, tokenizer = checkpoint.load(saved)
    example = Encoder(tokenizer, "chat", 200).encode(ROWS[1]["question"], ROWS[1]["answer"])
    found = Likelihood([example])(model)
    assert forget.answer_loss[1] == pytest.approx(found.loss[0], rel=1e-5)
    assert forget.loss_error[1][0] == pytest.approx(found.error[0], rel=1e-4)
    assert "<|mask|>" not in "".join(forget.generation)
    facts = read_records(tmp_path / "tofu.json").checkpoints[0].sets["real_authors"]
    assert np.asarray(facts.loss_error).shape == (4, 3)
    # The same bytes again.
    write_records(tmp_path / "again.json", collect("tofu", [saved], SETS))
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tofu.json").read_bytes()


def test_suites_of_next_tokens_are_refused_before_a_model_is_loaded(saved):
    def load(*args, **given):
        raise AssertionError("loaded")

    refused = [name for name in suites.names() if suites.contract(name).families == ("causal",)]
    assert {"tokens", "gradients", "sampled", "depth", "traces"} <= set(refused)
    for name in refused:
        with pytest.raises(LetheError, match=f"^suite '{name}': needs next-token logits") as error:
            collect(name, [saved], {}, load=load)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("relearning", {"steps": 3, "lr": 1e-3, "batch_size": 2}),
        ("quantization", {"bits": 4, "group": 4}),
        ("pruning", {"share": 0.5}),
    ],
)
def test_attacks_leave_a_masked_diffusion_model(kind, settings, saved, tmp_path):
    write_rows(tmp_path / "forget.json", ROWS)
    forget = tmp_path / "forget.json" if kind == "relearning" else None
    attack_checkpoint(saved, kind, tmp_path / "state", settings=settings, forget=forget)
    before, after = (checkpoint.load(folder)[0] for folder in (saved, tmp_path / "state"))
    assert type(after) is type(before)
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    assert not all(torch.equal(*pair) for pair in pairs)


def test_an_audit_plans_the_probes_that_can_be_run(saved):
    rows = AuditRows(dict.fromkeys(("forget", "retain", "holdout"), ROWS))
    plan = planned(AuditRequest(str(saved), full=str(saved), oracle=str(saved)), rows)
    assert "abstention" in plan.settings
    assert "next-token logits" in plan.not_run["depth"]
    with pytest.raises(LetheError, match=r"^probe 'depth': suite 'depth': needs next-token"):
        planned(AuditRequest(str(saved), full=str(saved), probes=["depth"]), rows)


def test_an_evaluation_of_everything_leaves_out_what_needs_next_tokens(saved, tmp_path):
    folder = tmp_path / "data"
    for name in ("forget10", "retain90", "forget10_perturbed", "retain_perturbed"):
        write_rows(folder / f"{name}.json", ROWS)
    for name in ("real_authors_perturbed", "world_facts_perturbed"):
        write_rows(folder / f"{name}.json", FACTS)
    asked = Request(str(saved), str(folder), "forget10", limits=suites.Limits(60))
    done = evaluate(asked)
    assert {"probability", "rouge", "truth_ratio"} <= done.metrics.keys()
    assert "next-token logits" in done.skipped["exact_memorization"]
    # Before an attack trains anything.
    named = replace(asked, metrics=["exact_memorization"], attack=Attack("relearning"))
    with pytest.raises(LetheError, match=r"^metric 'exact_memorization': suite 'tokens': needs"):
        evaluate(named)


def test_it_is_not_asked_what_it_knows(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "load", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(LetheError, match="a masked-diffusion model, which cannot be asked what"):
        forget(saved, ["Ada"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_card_says_that_other_loaders_do_not_know_it(saved):
    card = (saved / "README.md").read_text()
    assert "Only with Lethe" in card
    assert "AutoModelForCausalLM" not in card
