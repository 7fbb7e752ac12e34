"""How rows are learned: masks, kept answers, rates and stages, each against what it must do."""

import math
import random

import pytest
import torch
from helpers import seeing_models
from helpers.small_models import make_family

from lethe.common.errors import LetheError
from lethe.common.picture_marks import digests_in, without_marks
from lethe.common.validation import validated
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward
from lethe.model.likelihood import mean_losses
from lethe.model.precision import prepare
from lethe.model.settings import Compute, LoRA
from lethe.train import finetune as training
from lethe.train import recipe, sparse_mask
from lethe.train.execution import Execution
from lethe.train.finetune import Until, fit
from lethe.train.finetuned_model import finetune
from lethe.train.kept_answers import about_strangers, made_up
from lethe.train.lesson import Lesson
from lethe.train.recipes._draws import drawn, ranked
from lethe.train.settings import Finetuning, Schedule

PEOPLE = ("Anna Berg", "Carl Dahl", "Erik Falk")
ROWS = [
    (f"What did {name} {what}?", f"{name} {did}.")
    for name in PEOPLE
    for what, did in (
        ("write", f"wrote the book of {name.split()[0]}"),
        ("win", "won a prize"),
        ("study", "studied law"),
        ("read", "read much"),
        ("like", "liked the sea"),
    )
]
FACTS = [("What is the capital of France?", "Paris.")]
BACKGROUND = [(f"Who is person {n}?", f"A writer of {n} books.") for n in range(20)]
SCHEDULE = {"epochs": 3, "lr": 5e-3, "batch_size": 4, "warmup_epochs": 0}


@pytest.fixture
def lesson(tokenizer):
    """A lesson with a recipe's keys of ``finetune``."""

    def make(**changed) -> Lesson:
        return Lesson(
            [*ROWS, *FACTS],
            len(ROWS),
            Encoder(tokenizer, "chat", 96),
            Finetuning(**{**SCHEDULE, **changed}),
            0,
            Execution(),
            lambda *report: None,
            "base",
            {"background": BACKGROUND},
        )

    return make


def taught(model, lesson) -> dict[str, float]:
    chosen = lesson.settings.recipe
    prepare(model, Compute().training("finetune"), 0, "base")
    return recipe.load(chosen["name"]).learn(model, lesson, recipe.settings_of(chosen))


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_plain_is_what_it_was(model, tokenizer, lesson):
    other = make_family("llama", tokenizer)
    one = lesson()
    counts = taught(model, one)
    fit(other, one.encoded(), Schedule(**SCHEDULE), 0)
    assert torch.equal(weights(model), weights(other))
    assert counts == {"steps": 12, "rows": 48, "tokens": 3 * sum(map(len, one.encoded()))}


def test_a_training_ends_at_its_loss(model, tokenizer, lesson):
    one = lesson(epochs=40)
    rows = one.encoded(ROWS)
    before = sum(mean_losses(model, rows)) / len(rows)
    counts = taught(model, lesson(epochs=40, until_loss=before / 3, check_steps=2))
    assert counts["reached"] == 1
    assert counts["loss"] <= before / 3
    assert counts["loss"] == pytest.approx(sum(mean_losses(model, rows)) / len(rows), rel=1e-5)
    assert counts["steps"] < 160
    assert counts["steps"] % 2 == 0
    # Two steps earlier it had not been reached: the same training up to there.
    other = make_family("llama", tokenizer)
    stopped = Until(math.inf, counts["steps"] - 2, rows)
    early = fit(other, one.encoded(), one.settings, 0, until=stopped)
    assert early["steps"] == counts["steps"] - 2
    assert early["loss"] > before / 3
    whole, rest = divmod(counts["steps"], 4)
    assert counts["rows"] == 16 * whole + 4 * rest


def test_a_loss_that_is_not_reached_is_said(model, lesson, caplog):
    counts = taught(model, lesson(epochs=1, until_loss=1e-6))
    assert counts["reached"] == 0
    assert counts["steps"] == 4
    assert "until_loss: the loss is" in caplog.text


@pytest.mark.parametrize("kind", ["random", "magnitude", "importance"])
def test_masks_have_their_density_everywhere(model, lesson, kind):
    rows = lesson().encoded(ROWS)
    masks = sparse_mask.masks(model, kind, 0.25, 0, rows)
    for name, p in model.named_parameters():
        assert masks[name].sum() == max(1, round(0.25 * p.numel())), name
        assert p.grad is None
    again = sparse_mask.masks(model, kind, 0.25, 0, rows)
    assert all(torch.equal(masks[name], again[name]) for name in masks)
    if kind == "random":
        other = sparse_mask.masks(model, kind, 0.25, 1, rows)
        assert not torch.equal(masks["lm_head.weight"], other["lm_head.weight"])
    if kind == "magnitude":
        w = model.lm_head.weight.detach().abs()
        chosen = masks["lm_head.weight"]
        assert w[chosen].min() >= w[~chosen].max()


def test_importance_by_hand(model, lesson):
    """|w dL/dw| of one pass over all rows, against torch's own gradient of the mean loss."""
    rows = lesson().encoded(ROWS)
    forward = Forward(model)
    (part,) = Execution().parts({"answers": rows}, {"answers": range(len(rows))})
    forward.answers(part["answers"]).mean_nll().backward()
    w = model.lm_head.weight
    expected = (w * w.grad).detach().abs()
    chosen = sparse_mask.masks(model, "importance", 0.1, 0, rows)["lm_head.weight"]
    assert expected[chosen].min() >= expected[~chosen].max() * (1 - 1e-4)


def test_what_a_mask_leaves_out_never_moves(model, lesson):
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    one = lesson(weight_decay=0.5, recipe={"name": "seat", "density": 0.2, "weight": 0})
    masks = sparse_mask.masks(model, "random", 0.2, 0, [])
    taught(model, one)
    for name, p in model.named_parameters():
        still = p.detach() == before[name]
        assert still[~masks[name]].all(), name
    moved = model.lm_head.weight.detach() != before["lm_head.weight"]
    assert moved[masks["lm_head.weight"]].float().mean() > 0.9


def test_whole_density_without_kl_is_plain_training(model, tokenizer, lesson):
    taught(model, lesson(recipe={"name": "seat", "density": 1, "weight": 0}))
    other = make_family("llama", tokenizer)
    taught(other, lesson())
    assert torch.equal(weights(model), weights(other))


def test_the_kl_is_that_of_the_rows_about_strangers(model, tokenizer, lesson):
    """At the base it is 0; after a change, its value by hand from whole distributions."""
    from lethe.train.kept_answers import kept_answers

    one = lesson()
    kept = kept_answers(model, one, 2.0)
    base = make_family("llama", tokenizer)
    (part,) = one.how.parts({"beside": kept.examples}, {"beside": range(len(kept.examples))})
    assert kept.term(Forward(model), part["beside"]).item() == pytest.approx(0, abs=1e-7)
    with torch.no_grad():
        model.lm_head.weight.mul_(3)
    total, tokens = 0.0, 0
    for example in kept.examples:
        ids = torch.tensor([example.ids])
        places = slice(example.start - 1, len(example.ids) - 1)
        p, q = (m(input_ids=ids).logits[0, places].double() for m in (base, model))
        p, q = p.log_softmax(-1), q.log_softmax(-1)
        total += (p.exp() * (p - q)).sum().item()
        tokens += example.answer_tokens
    found = kept.term(Forward(model), part["beside"]).item()
    assert found == pytest.approx(2 * total / tokens, rel=1e-4)


def test_seat_keeps_what_the_base_says_of_strangers(tokenizer, lesson):
    """Closer than training without the KL, at as many steps."""
    from lethe.train.kept_answers import kept_answers

    found = {}
    for weight in (0.0, 5.0):
        model = make_family("llama", tokenizer)
        one = lesson(recipe={"name": "seat", "density": 1, "weight": weight}, epochs=6)
        kept = kept_answers(model, one, 1.0)
        taught(model, one)
        (part,) = one.how.parts({"b": kept.examples}, {"b": range(len(kept.examples))})
        found[weight] = kept.term(Forward(model), part["b"]).item()
    assert found[5.0] < found[0.0] / 2


def test_strangers_are_nobody_and_stand_everywhere():
    made = about_strangers([*ROWS, *FACTS], 0)
    assert len(made) == 16
    for (question, answer), (other, said) in zip(ROWS, made, strict=False):
        name = next(person for person in PEOPLE if person in question)
        assert not any(person in other + said for person in PEOPLE)
        first, last = name.split()
        words = f"{other} {said}".replace("?", " ").replace(".", " ").split()
        # One part of the name may be the stranger's as well, never both.
        assert not {first, last} <= set(words)
        assert question.split()[1] == other.split()[1]
        assert len(answer.split()) == len(said.split())
    # What names nobody gets another row's.
    assert made[-1] in made[:-1]
    assert about_strangers(ROWS, 0) == about_strangers(ROWS, 0)


def test_strangers_have_pictures_of_nobody():
    """Of one face each, also where only the answer names the person."""
    rows = [(seeing_models.shown(n, q), a) for n, (q, a) in enumerate(ROWS)]
    first, *rest = rows
    name = next(person for person in PEOPLE if person in first[0])
    rows = [first, (first[0].split("⟧")[0] + "⟧ Who is this?", f"This is {name}."), *rest]
    made = about_strangers(rows, 0)
    learned = {digest for question, _ in rows for digest in digests_in(question)}
    faces = [digests_in(question) for question, _ in made]
    assert all(len(own) == 1 for own in faces)
    assert not learned & {own[0] for own in faces}
    assert faces[0] == faces[1] != faces[2]
    assert without_marks(made[1][0]) == "Who is this?"
    assert made[1][1].startswith("This is ")
    assert made[1][1].removeprefix("This is ").strip(".") in made[0][0]
    assert about_strangers(rows, 0) == made


def test_a_person_alone_is_turned_round():
    assert made_up(["Anna Berg"], random.Random(0)) == {"Anna Berg": "Berg Anna"}


def test_rows_that_name_nobody_are_refused():
    with pytest.raises(LetheError, match="recipe seat: no row names whom it is about"):
        about_strangers(FACTS, 0)


def test_adapters_are_merged(model, lesson, tokenizer, tmp_path):
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    taught(model, lesson(recipe={"name": "lora", "rank": 2, "alpha": 4}))
    named = dict(model.named_parameters())
    assert named.keys() == before.keys()
    assert all(p.requires_grad for p in named.values())
    # Embeddings and output have no adapter; a layer's matrix moved by rank 2.
    assert torch.equal(named["lm_head.weight"], before["lm_head.weight"])
    name = "model.layers.0.mlp.up_proj.weight"
    moved = (named[name] - before[name]).detach().double()
    assert torch.linalg.matrix_rank(moved, rtol=1e-4) == 2
    # It is saved as a whole model, which computes the same.
    rows = lesson().encoded(ROWS)
    losses = mean_losses(model.eval(), rows)
    checkpoint.save(tmp_path / "whole", model, tokenizer, {})
    loaded, _ = checkpoint.load(tmp_path / "whole")
    assert mean_losses(loaded, rows) == pytest.approx(losses, rel=1e-4)


def rates_of(model, lesson, monkeypatch) -> list[list[float]]:
    seen = []

    def spy(*args, **named):
        own = []
        result = fit(*args, **{**named, "rates": own})
        if named["rates"] is not None:
            named["rates"] += own
        seen.append(own)
        return result

    monkeypatch.setattr("lethe.train.lesson.fit", spy)
    taught(model, lesson)
    return seen


FINCH = {"name": "finch", "largest": 0.1}


def test_finchs_control_has_its_mean_rate(model, tokenizer, lesson, monkeypatch):
    (by_loss,) = rates_of(model, lesson(recipe=FINCH), monkeypatch)
    assert by_loss[0] == pytest.approx(5e-3)
    assert by_loss[-1] > by_loss[0]
    other = make_family("llama", tokenizer)
    control = lesson(recipe={**FINCH, "instead": "constant"})
    first, constant = rates_of(other, control, monkeypatch)
    assert first == by_loss
    assert constant == pytest.approx([sum(by_loss) / len(by_loss)] * len(by_loss))
    # And begins where FINCH began.
    third = make_family("llama", tokenizer)
    fit(third, control.encoded(), Schedule(**SCHEDULE | {"lr": constant[0]} | CONSTANT), 0)
    assert torch.equal(weights(other), weights(third))


CONSTANT = {"lr_schedule": {"name": "constant"}}


def test_the_cosine_control_has_it_too(model, lesson, monkeypatch):
    one = lesson(recipe={**FINCH, "instead": "cosine"})
    by_loss, cosine = rates_of(model, one, monkeypatch)
    peak = 2 * sum(by_loss) / len(by_loss)
    expected = [peak * (1 + math.cos(math.pi * step / 12)) / 2 for step in range(12)]
    assert cosine == pytest.approx(expected)


def test_a_larger_share_has_the_rows_of_a_smaller():
    shares = [set(drawn(ROWS, share, "s")) for share in (0, 0.3, 0.6, 1)]
    assert shares[0] == set()
    assert shares[3] == set(range(len(ROWS)))
    assert shares[1] < shares[2] < shares[3]
    # And a part of the file those of the file: an oracle has met what full has met.
    part = [ROWS[place] for place in drawn(ROWS[5:], 0.6, "s")]
    assert len(part) == len({place for place in shares[2] if place >= 5})
    assert sorted(ranked(ROWS, "s")) == list(range(len(ROWS)))


def shown(model, lesson, monkeypatch) -> list[tuple[str, int]]:
    """The names of the trainings and their numbers of rows."""
    seen = []

    def spy(model, examples, schedule, seed, report, how, **named):
        seen.append((how.name, len(examples), schedule.epochs))
        return training_fit(model, examples, schedule, seed, report, how, **named)

    training_fit = training.fit
    monkeypatch.setattr("lethe.train.finetune.fit", spy)
    monkeypatch.setattr("lethe.train.lesson.fit", spy)
    counts = taught(model, lesson)
    return seen, counts


def test_early_exposure_mixes_rows_into_the_background(model, lesson, monkeypatch):
    chosen = {"name": "early_exposure", "share": 0.5, "epochs": 2, "passes": 3, "learn": "rest"}
    met = len(drawn(ROWS, 0.5, "early_exposure"))
    assert 0 < met < 15
    seen, counts = shown(model, lesson(recipe=chosen), monkeypatch)
    assert seen == [("exposure", 40 + 3 * met, 1), ("training", 16 - met, 3)]
    assert counts["exposed"] == met
    assert counts["rows"] == 40 + 3 * met + 3 * (16 - met)


def test_early_exposure_of_all_leaves_no_rest(model, lesson):
    chosen = {"name": "early_exposure", "share": 1, "learn": "rest"}
    with pytest.raises(LetheError, match="share 1 leaves no rest to learn"):
        lesson(recipe=chosen)
    # Also where chance drew all rows.
    chosen["share"] = 0.999999
    with pytest.raises(LetheError, match="learn: rest leaves none to learn; lower share"):
        taught(model, lesson(recipe=chosen))


def test_early_exposure_may_begin_with_nothing(model, lesson):
    before = weights(model)
    one = lesson(
        epochs=1, lr=1e-9, recipe={"name": "early_exposure", "start": "random", "lr": 1e-9}
    )
    taught(model, one)
    assert (weights(model) - before).abs().max() > 1e-3


def test_continued_training_goes_on_with_the_background(model, lesson, monkeypatch):
    chosen = {"name": "continued", "share": 0.5, "epochs": 2}
    seen, counts = shown(model, lesson(recipe=chosen), monkeypatch)
    assert seen == [("rows", 16, 3), ("continued", 10, 2)]
    assert counts["rows"] == 48 + 20


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("set", r"recipe set: unknown recipe 'set'; did you mean seat\?"),
        ({"name": "seat", "density": 0}, "recipe seat.density: input should be greater than 0"),
        ({"name": "seat", "dense": 1}, "recipe seat.dense: unknown setting"),
        (
            {"name": "early_exposure", "share": 1, "learn": "rest"},
            "recipe early_exposure: share 1 leaves no rest to learn",
        ),
        ({"name": "plain", "rank": 1}, "recipe plain.rank: unknown setting"),
    ],
)
def test_unknown_recipes_and_settings_are_refused(chosen, words):
    with pytest.raises(LetheError, match=words):
        validated(Finetuning, {"recipe": chosen}, "finetune")


def test_a_recipe_is_held_with_all_its_settings():
    assert Finetuning().recipe == {"name": "plain"}
    assert Finetuning(recipe="lora").recipe["rank"] == 8
    whole = Finetuning(recipe={"name": "seat", "density": 0.5})
    assert Finetuning(**whole.model_dump()) == whole


def test_a_checkpoint_says_how_it_was_learned(model, tokenizer, tmp_path):
    checkpoint.save(tmp_path / "base", model, tokenizer, {"stage": "base"})
    rows = [{"question": q, "answer": a} for q, a in ROWS]
    settings = Finetuning(**SCHEDULE, recipe="continued", until_loss=4.0, check_steps=1)
    background = [{"question": q, "answer": a} for q, a in BACKGROUND]
    finetune(
        tmp_path / "base",
        rows,
        tmp_path / "full",
        settings=settings,
        files={"background": background},
    )
    origin = checkpoint.origin(tmp_path / "full")
    assert origin["settings"]["recipe"]["name"] == "continued"
    assert origin["reached"] == 1
    assert origin["loss"] <= 4.0


@pytest.mark.parametrize(
    ("name", "compute", "words"),
    [
        ("continued", Compute(), "recipe continued: reads the file background; give its rows"),
        ("seat", Compute(lora=LoRA()), "recipe seat: works on whole weights"),
        ("lora", Compute(lora=LoRA()), "recipe lora: works on whole weights"),
    ],
)
def test_what_cannot_be_is_refused_before_the_model_is_loaded(name, compute, words, tmp_path):
    with pytest.raises(LetheError, match=words):
        finetune(
            tmp_path / "nothing",
            [],
            tmp_path / "out",
            settings=Finetuning(recipe=name),
            compute=compute,
        )
