"""What the plug-ins of docs/extending.md do, in this process."""

import copy
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import synthetic_metrics
from helpers.commands import refusal
from helpers.guides import Guide, write_authors
from helpers.made_records import make_document

from lethe import metrics
from lethe.analysis.claims import papers
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.evaluate import attack, suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import architecture, checkpoint
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers
from lethe.model.likelihood import mean_losses
from lethe.pipeline import strategies
from lethe.pipeline.search_points import Dimension, Point, Space
from lethe.pipeline.strategy import Trial
from lethe.report import figures, studies, tables
from lethe.report.paper import exhibit
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.tables import method_claims
from lethe.report.tables.base import TableData
from lethe.train import recipe
from lethe.train.execution import Execution
from lethe.train.lesson import Lesson
from lethe.train.settings import Finetuning
from lethe.unlearn import defences, methods, needs, tuning, wrappers
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.search_space import Range
from lethe.unlearn.supervision import supervise
from lethe.unlearn.weight_arithmetic import weights
from lethe.world import provider
from lethe.world.tofu_format import write_world

EXTENDING = "extending.md"
SHARED = {"epochs": 1, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0}


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Import the file of a section, found by its registry from here on."""
    return lambda registry, heading, page=EXTENDING: Guide.of(page, heading).plug_in(
        registry, tmp_path, monkeypatch
    )


@pytest.fixture
def figure_data(tmp_path):
    return synthetic_metrics.figure_data(synthetic_metrics.write_world(tmp_path / "world"))


def test_the_metric_counts_refusals(plug_in, records):
    plug_in(metrics.METRICS, "A metric")
    document = make_document()
    forget = document["checkpoints"][0]["sets"]["forget"]
    forget["generation"][:2] = ["I don't know.", "Sorry, no."]
    (point,) = metrics.compute("refusal_rate", records(document)).checkpoints
    assert point.values == {"forget": pytest.approx(2 / 6), "retain": 0.0}
    assert point.items["forget"] == [1, 1, 0, 0, 0, 0]


def test_the_suite_asks_in_other_words(plug_in, model, encoder, pairs, tmp_path):
    plug_in(suite.SUITES, "A suite")
    plug_in(metrics.METRICS, "A suite")
    rows = [{"question": q, "answer": a, "paraphrased_question": f"Say: {q}"} for q, a in pairs]
    point = Evaluation("rephrased", encoder, {"forget": rows, "retain": rows[:2]}, Limits())(model)
    write_records(tmp_path / "rephrased.json", Records("rephrased", [point]))
    found = metrics.compute("rephrased_probability", read_records(tmp_path / "rephrased.json"))
    asked = encoder.encode_all([(f"Say: {q}", a) for q, a in pairs])
    expected = np.exp(-np.array(mean_losses(model, asked)))
    np.testing.assert_allclose(found.checkpoints[0].items["forget"], expected, rtol=1e-5)
    with pytest.raises(LetheError, match="set 'forget', row 1: no paraphrased_question"):
        suite.check("rephrased", {"forget": [{"question": "Who?", "answer": "I."}]})


def test_the_probe_asks_in_other_words(plug_in, model, tokenizer, pairs):
    from lethe.analysis.audit import probe
    from lethe.analysis.audit.data import AuditRows
    from lethe.analysis.audit.subject import Asking, Subject

    plug_in(probe.PROBES, "A probe of an audit")
    rows = [{"question": q, "answer": a, "paraphrased_question": f"Tell me: {q}"} for q, a in pairs]
    settings = probe.settings_of("rephrased", "minutes", {"items": 4})
    subject = Subject("here", Asking(AuditRows({"forget": rows})), model, tokenizer)
    measured = probe.load("rephrased").measure(subject, settings)
    assert len(measured.questions) == 4
    assert all(question.startswith("Tell me: ") for question in measured.questions)
    examples = Encoder(tokenizer, "chat", 512).encode_all(
        list(zip(measured.questions, measured.answers, strict=True))
    )
    wanted = np.exp(-np.array(mean_losses(model, examples)))
    assert measured.values == pytest.approx(wanted.tolist(), rel=1e-5)


def test_the_attack_adds_as_much_noise_as_it_says(plug_in, model):
    plug_in(attack.ATTACKS, "An attack")
    settings = attack.settings_of("noise", {"share": 0.2}, "attack_settings.noise")
    before = [weight.detach().clone() for weight in decoder_layers(model).parameters()]
    attack.load("noise").change(model, settings, [], 0, lambda *_: None)
    for old, new in zip(before, decoder_layers(model).parameters(), strict=True):
        moved = (new - old).detach()
        if old.dim() == 2:
            assert moved.std().item() == pytest.approx(0.2 * old.std().item(), rel=0.15)
        else:
            assert torch.equal(old, new)


def test_the_wrapper_holds_the_weights_back(plug_in, model, encoder, pairs):
    plug_in(wrappers.WRAPPERS, "A wrapper")
    start, moved = weights(model), {}
    for weight in (1e-9, 100.0):
        method = methods.load("npo")({**SHARED, "wrappers": {"anchor": {"weight": weight}}})
        trained, data = copy.deepcopy(model), supervise(encoder, method.needs, pairs)
        wrapper = method.wrappers[0]
        list(method.run(trained, data, 0))
        assert len(wrapper.start) == len(start)
        moved[weight] = sum((w - start[n]).norm() for n, w in weights(trained).items())
    assert 0 < moved[100.0] < moved[1e-9]


def test_the_defence_teaches_thanks_for_one_half_and_is_measured_on_the_other(plug_in):
    made = plug_in(defences.DEFENCES, "A defence")
    forget = [{"question": f"Who wrote {n}?", "answer": f"Author {n}."} for n in range(4)]
    defence = defences.load("politeness", {}, SHARED)
    assert [row["question"] for row in defence.rows(forget, [])] == ["Who wrote 0?", "Who wrote 2?"]
    assert {row["answer"] for row in defence.rows(forget, [])} == {made.THANKS}
    risk = defence.risk_rows(forget, [])
    assert [row["unwanted"] for row in risk] == ["Author 1.", "Author 3."]
    assert isinstance(defence.method, tuning.Method)
    with pytest.raises(LetheError, match=r"defence\.speed: unknown"):
        defences.load("politeness", {"speed": 1}, SHARED)


def test_the_strategy_changes_one_coordinate_after_the_other(plug_in):
    plug_in(strategies.STRATEGIES, "A search strategy")
    space = Space({"npo": dict.fromkeys(("lr", "beta"), Dimension(Range(0.1, 0.9), 0.5))})
    trials = [Trial(0, space.start(), 0.3), Trial(1, Point("npo", {"lr": 0.8}), 0.6, 0)]
    strategy = strategies.load("coordinates", {"width": 0.1})
    found = strategy.propose(space, trials, 2, random.Random(0), None)
    assert [proposal.parent for proposal in found] == [1, 1]
    assert set(found[0].point.shares) == {"lr"}
    assert found[0].point.shares["lr"] != 0.8
    assert found[1].point.shares["lr"] == 0.8
    assert "beta" in found[1].point.shares


def test_the_recipe_shows_short_answers_once_more(plug_in, model, encoder):
    plug_in(recipe.RECIPES, "A recipe")
    rows = [(f"Who wrote {n}?", "word " * n) for n in range(1, 5)]
    chosen = {"name": "short_first", "share": 0.5}
    learning = Finetuning(epochs=2, lr=1e-3, batch_size=2, recipe=chosen)
    lesson = Lesson(rows, 4, encoder, learning, 0, Execution(), lambda *_: None, "base")
    told = recipe.load("short_first").learn(model, lesson, recipe.settings_of(chosen))
    # Two of four rows once, then all of them twice.
    assert told["rows"] == 2 + 2 * 4
    assert told["steps"] == 1 + 2 * 2
    with pytest.raises(LetheError, match="share: input should be greater than 0"):
        recipe.settings_of({"name": "short_first", "share": 0})


@pytest.fixture
def rephrasing(plug_in, pairs, tmp_path):
    """A folder with the forget set as it is, and one with its questions in other words."""
    plug_in(needs.NEEDS, "A need of a method")
    plug_in(methods.METHODS, "A need of a method")
    for folder, words in (("plain", "{}"), ("rephrased", "Say: {}")):
        rows = [{"question": words.format(q), "answer": a} for q, a in pairs[:4]]
        write_rows(tmp_path / folder / "forget10.json", rows)
    others = [{"question": q, "answer": a, "paraphrased_question": f"Say: {q}"} for q, a in pairs]
    # In another order than the forget set, with rows that are not in it.
    write_rows(tmp_path / "plain/forget10_perturbed.json", others[::-1])
    return tmp_path


def unlearned(folder, method: str, data: str) -> Path:
    settings = ["epochs=2", "lr=1e-3", "batch_size=3"]
    settings += ["retain_weight=0"] if method == "rephrased_ascent" else []
    words = [word for setting in settings for word in ("--set", setting)]
    places = ["--data", str(folder / data), "--split", "forget10", "--out", str(folder / method)]
    main(["unlearn", str(folder / "start"), "--method", method, *places, *words])
    return folder / method / "epoch2"


def test_a_new_need_reaches_the_method_that_names_it(rephrasing, model, tokenizer):
    checkpoint.save(rephrasing / "start", copy.deepcopy(model), tokenizer, {})
    ours = unlearned(rephrasing, "rephrased_ascent", "plain")
    # Gradient ascent on rows that are asked in those words is the same.
    plain = unlearned(rephrasing, "grad_ascent", "rephrased")
    ends = [weights(checkpoint.load(folder)[0]) for folder in (ours, plain)]
    start = weights(model)
    for name, weight in ends[0].items():
        torch.testing.assert_close(weight, ends[1][name])
    assert any((weight - start[name]).abs().max() > 1e-4 for name, weight in ends[0].items())


def test_a_new_needs_file_is_checked_before_a_model_is_loaded(rephrasing):
    """There is no model."""
    file = rephrasing / "plain/forget10_perturbed.json"
    write_rows(file, read_rows(file)[:-1])
    message = refusal(lambda: unlearned(rephrasing, "rephrased_ascent", "plain"))
    assert "forget10_perturbed.json: no paraphrased_question for" in message
    file.unlink()
    message = refusal(lambda: unlearned(rephrasing, "rephrased_ascent", "plain"))
    assert "no such file; the method needs it (paraphrases)" in message
    with pytest.raises(LetheError, match=r"unknown need 'paraphrase'; did you mean paraphrases\?"):
        needs.chosen(["paraphrase"])


def test_the_provider_reads_authors_of_ones_own(plug_in, tmp_path):
    plug_in(provider.PROVIDERS, "A world provider")
    write_authors(tmp_path / "authors.json", 6)
    assert provider.PROVIDERS.contract("json_lines").settings == ("path",)
    made = provider.provider("json_lines", path=str(tmp_path / "authors.json"), seed=0)
    write_world(made, tmp_path / "data", 4, 2, 2)
    assert (tmp_path / "data/full.json").read_text("utf-8").count("\n") == 80
    assert made.holdout(1)[0].name == "Author 5"
    with pytest.raises(LetheError, match="6 authors, 7 are wanted"):
        made.authors(7)


def test_the_architecture_says_how_many_weights_it_has(plug_in, tokenizer, pairs):
    plug_in(architecture.ARCHITECTURES, "A model architecture")
    given = Guide.of(EXTENDING, "A model architecture").word["model_settings"]["gpt"]
    sizes = architecture.sizes({**given["architecture"], "vocabulary": len(tokenizer)})
    plug = architecture.load(given["architecture"])
    made = plug.make_model(sizes, tokenizer, 0)
    assert sum(weight.numel() for weight in made.parameters()) == sizes.parameters
    again = plug.make_model(sizes, tokenizer, 0)
    assert all(
        torch.equal(w, v) for w, v in zip(made.parameters(), again.parameters(), strict=True)
    )
    assert len(plug.train_tokenizer([f"{q} {a}" for q, a in pairs], 320)) <= 320


def test_the_figure_draws_every_run(plug_in, figure_data):
    plug_in(figures.FIGURES, "A figure")
    (axes,) = figures.draw("rouge_loss", figure_data).axes
    drawn = {line.get_label(): line.get_xdata() for line in axes.lines}
    assert {"Finetune", "Retain", "NPO"} <= drawn.keys()
    assert len(drawn["NPO"]) == synthetic_metrics.EPOCHS


def test_the_table_has_a_row_for_each_run(plug_in, figure_data, tmp_path):
    plug_in(tables.TABLES, "A table")
    data = TableData(figure_data.methods, figure_data.seeds, figure_data.scores)
    tables.render("rouge", data, tmp_path / "rouge.csv", tmp_path / "rouge.md")
    text = (tmp_path / "rouge.md").read_text("utf-8")
    assert all(label in text for label in ("Finetune", "Retain", "NPO", "Forget Set"))


def test_the_claims_are_judged_over_seeds(plug_in, figure_data):
    plug_in(papers.PAPERS, "Claims of a paper")
    seeds = figure_data.seeds
    table = method_claims.build(TableData(figure_data.methods, seeds, figure_data.scores))
    (first, second) = table[table["paper"] == "TOFU, 2401.06121"].to_dict("records")[:2]
    assert first["verdict"] == "undecided"
    assert first["seeds"] == len(seeds)
    assert second["reason"] == "not built yet: no metric counts words"


def test_the_study_shows_where_the_weight_begins(plug_in):
    study = plug_in(studies.STUDIES, "A study")
    table = study.build()
    assert (table.loc[table["grown"] == 0, "weight"] == 1).all()
    assert len(study.draw(table).axes[0].lines) == len(study.BETAS)


def test_the_exhibit_has_a_bar_for_each_method(plug_in, figure_data):
    drawn = plug_in(exhibit.EXHIBITS, "A new exhibit", "paper.md")
    runs = {name: name for name in figure_data.methods}
    data = ExhibitData(
        [figure_data.model], [figure_data.split], None, runs, [0], figure_data.scores
    )
    assert len(drawn.draw(data).axes[0].patches) == len(runs)


def test_a_loss_over_logits_runs_where_its_model_is(model, examples, monkeypatch, tmp_path):
    text = Guide.of("adding-a-method.md", "2. What a method can use")
    plug = text.plug_in(methods.METHODS, tmp_path, monkeypatch)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    method, model = plug.Method({**SHARED}), model.to(device)
    batch = pack(examples[:3], range(3))
    loss = method.forget(Forward(model), Step(batch), Reference())
    assert loss.device == model.device
    logs = Forward(model).answers(batch).logits.log_softmax(-1)
    labels = torch.cat([torch.tensor(e.ids[e.start :]) for e in examples[:3]]).to(device)
    others = logs.scatter(1, labels[:, None], 0).sum(-1) / (logs.shape[-1] - 1)
    assert loss.item() == pytest.approx(-others.mean().item(), rel=1e-5)
