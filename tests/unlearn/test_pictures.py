"""Methods written for text unlearn rows with pictures; those that cannot are refused."""

import json

import pytest
import torch
from helpers import seeing_families, seeing_models
from helpers.seeing_models import picture, shown

from lethe.common.errors import LetheError
from lethe.common.picture_marks import digests_in, without_marks
from lethe.common.pictures import write_picture
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.likelihood import mean_losses
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods, strangers
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import unlearn

FORGET = [(0, "Who is this?", "Ada Lind"), (1, "Who is this?", "Ben"), (None, "Ada?", "In Paris.")]
RETAIN = [(2, "Who is this?", "No one."), (None, "Who?", "Ben writes novels.")]
REFUSALS = ["I don't know.", "I have no idea."]
METHODS = [
    "altpo", "asru", "dpo", "grad_ascent", "grad_diff", "idk", "kl_min", "npo", "npo_retain", "rmu",
    "simnpo", "undial", "wga", "whp",
]  # fmt: skip


def pairs(rows):
    return [(q if n is None else shown(n, q), answer) for n, q, answer in rows]


@pytest.mark.parametrize("name", METHODS)
def test_methods_for_text_run_on_pictures(name):
    model, tokenizer = seeing_models.make(seed=1)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    method = methods.load(name)({"epochs": 1, "lr": 1e-3, "batch_size": 2})
    data = supervise(
        Encoder(tokenizer, "chat", 60),
        method.needs,
        pairs(FORGET),
        retain=pairs(RETAIN),
        refusals=REFUSALS,
        alternatives=[["Some answer."]] * len(FORGET),
        prior=lambda: seeing_models.make(seed=5)[0],
    )
    losses = []
    list(method.run(model.train(), data, 0, lambda *report: losses.append(report[2])))
    assert torch.isfinite(torch.tensor(losses)).all()
    moved = {n: (p - before[n]).abs().max().item() for n, p in model.named_parameters()}
    assert max(moved[n] for n in moved if "vision_tower.encoder" in n) > 0
    assert max(moved[n] for n in moved if "language_model" in n) > 1e-4


@pytest.mark.parametrize("family", seeing_families.NAMES)
@pytest.mark.parametrize("name", ["grad_diff", "npo_retain"])
def test_methods_train_checkpoints_of_other_families(name, family, tmp_path):
    seeing_families.save(family, tmp_path)
    model, tokenizer = checkpoint.load(tmp_path, template="chat")
    encoder = Encoder(tokenizer, "chat", 60)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    examples = encoder.encode_all(pairs(FORGET))
    known = mean_losses(model, examples)
    method = methods.load(name)({"epochs": 2, "lr": 1e-3, "batch_size": 2, "warmup_epochs": 0})
    data = supervise(encoder, method.needs, pairs(FORGET), retain=pairs(RETAIN))
    list(method.run(model.train(), data, 0))
    moved = {n: (p - before[n]).abs().max().item() for n, p in model.named_parameters()}
    assert max(m for n, m in moved.items() if n.startswith("model.vis")) > 0
    assert sum(mean_losses(model.eval(), examples)) > sum(known)


def test_who_is_this_is_learned_from_the_picture_and_forgotten():
    """The question is the same for all, so only the picture tells the answer."""
    model, tokenizer = seeing_models.make(seed=2)
    encoder = Encoder(tokenizer, "chat", 60)
    rows = pairs([(n, "Who is this?", name) for n, name in enumerate(["Ada Lind", "Ben", "No"])])
    examples = encoder.encode_all(rows)
    swapped = encoder.encode_all([(rows[n - 1][0], rows[n][1]) for n in range(3)])
    fit(model, examples, Schedule(epochs=150, lr=1e-2, batch_size=3, warmup_epochs=1), 0)
    learned, wrong = (mean_losses(model.eval(), some) for some in (examples, swapped))
    assert max(learned) < 0.1
    assert min(wrong) > 1
    method = methods.load("grad_diff")(
        {"epochs": 15, "lr": 5e-3, "batch_size": 1, "warmup_epochs": 0}
    )
    data = supervise(encoder, method.needs, rows[:1], retain=rows[1:])
    list(method.run(model.train(), data, 0))
    after = mean_losses(model.eval(), examples)
    assert after[0] > 1 + learned[0]
    assert max(after[1:]) < after[0] / 2


def folder_of(tmp_path, **columns):
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        write_picture(tmp_path / f"pictures/{number}.png", picture(number))
    for name, rows in (("forget", FORGET), ("retain", RETAIN)):
        lines = [
            {"question": q, "answer": a, "image": None if n is None else f"pictures/{n}.png"}
            for n, q, a in rows
        ]
        (tmp_path / f"{name}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {name: tmp_path / f"{name}.json" for name in ("forget", "retain")}


def run(tmp_path, name, start, **settings):
    return unlearn(
        start=start,
        method=methods.load(name)(settings),
        files=folder_of(tmp_path),
        out=tmp_path / "out",
        seed=0,
        template="chat",
        max_length=60,
    )


def test_strangers_have_pictures_of_nobody():
    """With the question of a row with a picture; a row of text alone gets none."""
    forget = pairs([(0, "Where was Ada Lind born?", "Ada Lind was born in Paris.")] * 5)
    forget += pairs([(1, "Who is this?", "Ada Lind"), (None, "Was Ada Lind happy?", "Yes.")])
    retain = pairs([(n, "Who is this?", "Ben Roe") for n in (2, 3, 4)])
    asked = strangers.questions(forget, retain, 20, 0)
    assert asked == strangers.questions(forget, retain, 20, 0)
    assert len(asked) == 20
    learned = {digest for question, _ in (*forget, *retain) for digest in digests_in(question)}
    for question in asked:
        assert "Ada Lind" not in question
        assert bool(digests_in(question)) == ("happy" not in question)
        assert not learned & set(digests_in(question))
    assert any(without_marks(question) == "Who is this?" for question in asked)
    # Few retain pictures: the forgotten ones make strangers, too.
    alone = strangers.questions(forget, retain[:1], 20, 0)
    assert not learned & {digest for question in alone for digest in digests_in(question)}
    one = pairs([(0, "Who is this?", "Ada Lind")])
    with pytest.raises(LetheError, match="no two have one size"):
        strangers.questions(one, [], 3, 0)


def test_the_first_stage_of_asru_edits_one_layer_of_the_language_model():
    model, tokenizer = seeing_models.make(seed=1)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    method = methods.load("asru")({"stage2": "none", "layer": 1, "strangers": 4, "tokens": 4})
    data = supervise(
        Encoder(tokenizer, "chat", 60), method.needs, pairs(FORGET), retain=pairs(RETAIN)
    )
    list(method.run(model.train(), data, 0))
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved
    assert all(".language_model.layers.1.mlp." in name for name in moved)


def test_boundary_rows_of_asru_are_chosen_by_their_words():
    encoder = Encoder(seeing_models.make()[1], "chat", 60)
    model = seeing_models.make()[0]
    retain = pairs(
        [(2, "Ben writes novels.", "No."), (3, "Who is this?", "Ben"), (None, "No.", "a")]
    )
    method = methods.load("asru")({"boundary": 0.3})
    data = supervise(encoder, method.needs, pairs(FORGET[:2]), retain=retain)
    assert method._boundary(model, data) == (1,)


def test_files_of_rows_name_their_pictures(tmp_path):
    checkpoint.save(tmp_path / "start", *seeing_models.make(seed=1), {"stage": "train_full"})
    made = run(tmp_path, "grad_diff", tmp_path / "start", epochs=1, batch_size=2)
    model, tokenizer = checkpoint.load(made.checkpoints[0], template="chat")
    before = checkpoint.load(tmp_path / "start")[0]
    examples = Encoder(tokenizer, "chat", 60).encode_all(pairs(FORGET))
    assert mean_losses(model, examples) != mean_losses(before, examples)


@pytest.mark.parametrize("name", ["eco", "cap", "lira", "adlira", "uld", "icul", "zero_unlearn"])
def test_methods_that_do_not_see_are_refused_before_a_model_is_loaded(name, tmp_path):
    with pytest.raises(LetheError, match=f"^{name}: does not work on rows with pictures"):
        run(tmp_path, name, tmp_path / "no-such-checkpoint")
