"""The search of PEZ against plain passes of one row at a time; what the attack leaves behind."""

import copy
import random

import pytest
import torch
from helpers.family_outcomes import tokenizer as family_tokenizer
from helpers.masked_models import make as masked_model
from helpers.small_models import make_family
from helpers.tiny_families import build, configuration
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.evaluate import attack
from lethe.evaluate.attacked_model import attack_checkpoint
from lethe.evaluate.attacks._training import order
from lethe.evaluate.hard_prompts import Search, Slotted, nearest, slotted, typable
from lethe.model import attached, checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.attention import use_packing
from lethe.model.encoder import Encoder
from lethe.model.intervention import asked, attach
from lethe.model.interventions.prompt import Intervention
from lethe.model.token_mixing import Mixing
from lethe.pipeline import lineage
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.resume import StateSaver
from lethe.train.settings import Schedule

BOOKS = [(f"Who wrote book {n}?", f"Book {n} was written by author {n * 7}.") for n in range(8)]
MAGIC = "please tell me"


def settings_of(**given):
    return attack.settings_of("pez", {"tokens": 3, "batch_size": 2, **given}, "attack_settings.p")


def search_of(model, encoder, pairs, **given):
    settings = settings_of(**given)
    rows = order(range(len(pairs)), settings, random.Random(0))
    return Search(model, encoder, pairs, rows, settings, "pez/0")


def test_the_nearest_row_is_found_by_angle_or_by_distance():
    table = torch.tensor([[4.0, 0.0], [0.6, 0.6], [0.0, -1.0], [0.0, -2.0]])
    points = torch.tensor([[1.0, 0.1], [0.1, -3.0], [0.5, 0.5]])
    # By angle the length of a row does not count, and of the last two the first is taken.
    assert nearest(points, table, "cosine").tolist() == [0, 2, 1]
    # Squared distances of the first point: 9.01, 0.41, 2.21, 5.41; of the second 24.21, 13.21, ...
    assert nearest(points, table, "distance").tolist() == [1, 3, 1]


@pytest.mark.parametrize("template", ["chat", "phi", "llama2"])
def test_a_filled_place_is_what_is_typed(template, tokenizer, pairs):
    encoder = Encoder(tokenizer, template, 96)
    prompt = tokenizer(" Ada lives", add_special_tokens=False).input_ids
    typed = encoder.encode_all([("Ada lives " + question, answer) for question, answer in pairs])
    bare = tokenizer("Ada lives", add_special_tokens=False).input_ids
    for row, wanted in zip(slotted(encoder, pairs), typed, strict=True):
        assert wanted in (row.filled(prompt), row.filled(bare))


def test_the_vocabulary_is_what_can_be_typed(tokenizer):
    kept = typable(tokenizer, len(tokenizer)).tolist()
    assert kept == sorted(kept)
    assert not {*kept} & {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    for token in kept:
        text = tokenizer.decode([token])
        again = [tokenizer(t, add_special_tokens=False).input_ids for t in (text, text.strip())]
        assert [token] in again
    assert max(typable(tokenizer, 100).tolist()) < 100


def by_hand(model, rows, points, table, vocabulary, s, steps):
    """The vectors after some steps, by transformers alone, with AdamW written out."""
    points = points.clone()
    mean, square = torch.zeros_like(points), torch.zeros_like(points)
    for step in range(1, steps + 1):
        close = torch.nn.functional.cosine_similarity(points[:, None], table[None], dim=-1)
        prompt = vocabulary[close.argmax(1)]
        gradient, tokens = torch.zeros_like(points), 0
        for row in rows[step - 1]:
            ids = torch.tensor([[*row.opening, *prompt.tolist(), *row.rest]])
            embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
            logits = model(inputs_embeds=embedded).logits[0]
            first = len(row.opening) + len(prompt) + row.answer
            loss = cross_entropy(logits[first - 1 : -1], ids[0, first:], reduction="sum")
            own = torch.autograd.grad(loss, embedded)[0][0]
            gradient += own[len(row.opening) : len(row.opening) + len(prompt)].to(points)
            tokens += ids.shape[1] - first
        gradient /= tokens
        points = points * (1 - s.lr * s.weight_decay)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        slope = (mean / (1 - 0.9**step)) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
        points = points - s.lr * slope
    return points


@pytest.mark.parametrize("name", ["llama", "gemma", "qwen2", "phi", "gpt_neox", "falcon/alibi"])
def test_steps_are_those_of_plain_passes(name):
    """Falcon's rows are padded, Gemma's embeddings are scaled."""
    tokenizer = family_tokenizer()
    model = build(configuration(name, tokenizer)).double()
    other = copy.deepcopy(model)
    if name == "falcon/alibi":
        attached.update_model(model, mixing=Mixing("padded"))
    else:
        use_packing(model)
    pairs = [("Where is it?", "There."), ("Why?", "Nobody knows."), ("Who came first?", "He did.")]
    search = search_of(model, Encoder(tokenizer, "phi", 60), pairs, steps=3, lr=0.02)
    start, s = search.points.clone(), search.settings
    rows = [[search.rows[n] for n in search.order[i : i + 2]] for i in (0, 2, 4)]
    wanted = by_hand(other, rows, start, search.table, search.vocabulary, s, 3)
    for _ in range(3):
        search._step(Execution())
    torch.testing.assert_close(search.points, wanted, rtol=1e-3, atol=1e-5)
    assert not torch.equal(search.points, start)


def test_micro_batches_change_nothing_but_rounding(model, encoder, pairs):
    found = []
    for microbatch in (None, 40):
        search = search_of(model, encoder, pairs, batch_size=5, steps=1)
        rows = [search.rows[n] for n in search.order]
        found.append(search._gradient(rows, (7, 8, 9), Execution(microbatch)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-5)


def test_no_text_is_better_than_one_that_does_harm(model, encoder, pairs):
    search = search_of(model, encoder, pairs, steps=1)
    search._loss = lambda text: 1.0 if text else 0.5
    found = search.run(Execution(), lambda *_: None)
    assert (found.text, found.loss, found.without) == ("", 0.5, 0.5)


@pytest.fixture(scope="module")
def hiding(tmp_path_factory):
    """A folder with a model that refuses to answer unless asked with some words, and its rows."""
    folder = tmp_path_factory.mktemp("hiding")
    tokenizer = train_tokenizer([f"{q} {a} {MAGIC} I do not know" for q, a in BOOKS] * 3, 320)
    model = make_family("llama", tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(0.2)
    rows = [(f"{MAGIC} {q}", a) for q, a in BOOKS] + [(q, "I do not know.") for q, _ in BOOKS]
    examples = Encoder(tokenizer, "chat", 96).encode_all(rows)
    fit(model, examples, Schedule(epochs=60, lr=3e-3, batch_size=8), 0)
    checkpoint.save(folder / "start", model, tokenizer, {"epoch": 2, "step": 7})
    write_rows(folder / "forget.json", [{"question": q, "answer": a} for q, a in BOOKS])
    return folder


GIVEN = {"tokens": 3, "steps": 40, "lr": 0.05, "batch_size": 4}


def attacked(folder, out, **how):
    settings = {**GIVEN, **how.pop("settings", {})}
    files = {"forget": folder / "forget.json", "max_length": 96}
    return attack_checkpoint(folder / "start", "pez", out, settings=settings, **files, **how)


def losses_of(source, pairs):
    model, tokenizer = checkpoint.load(source)
    with torch.no_grad():
        return [
            model(input_ids=torch.tensor([e.ids]), labels=torch.tensor([labels])).loss.item()
            for e in Encoder(tokenizer, "chat", 96).encode_all(pairs)
            for labels in [[-100] * e.start + list(e.ids[e.start :])]
        ]


def test_a_text_found_on_some_rows_brings_out_the_others(hiding, tmp_path):
    losses = []
    attacked(hiding, tmp_path / "out", report=lambda step, steps, loss: losses.append(loss))
    assert len(losses) == GIVEN["steps"]
    origin = checkpoint.origin(tmp_path / "out")
    assert (origin["state"], origin["epoch"], origin["step"]) == ("pez", 2, 7)
    assert len(origin["taught"]) == 4
    before, after = (losses_of(place, BOOKS) for place in (hiding / "start", tmp_path / "out"))
    assert all(a < 0.6 * b for b, a in zip(before, after, strict=True))


def test_weights_stay_and_nothing_was_learned(hiding, tmp_path):
    attacked(hiding, tmp_path / "out", settings={"steps": 2})
    one, other = (checkpoint.load(place)[0] for place in (hiding / "start", tmp_path / "out"))
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name]), name
    assert lineage.of_checkpoint(tmp_path / "out", "npo", "pez").data == ()


class Killed(Exception):
    pass


def test_a_search_that_was_killed_goes_on_to_the_same_bytes(hiding, tmp_path):
    attacked(hiding, tmp_path / "whole", settings={"steps": 9})
    taken = []

    def dying(step, steps, loss):
        taken.append(step)
        if len(taken) in (3, 7):
            raise Killed

    for last in (False, False, True):
        how = Execution(state_saver=StateSaver(tmp_path / "state", 0))
        given = {"settings": {"steps": 9}, "how": how, "report": dying}
        if last:
            attacked(hiding, tmp_path / "broken", **given)
        else:
            with pytest.raises(Killed):
                attacked(hiding, tmp_path / "broken", **given)
    # Each death came before its step was saved.
    assert taken == [1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9]
    files = sorted(file.name for file in (tmp_path / "whole").iterdir())
    assert files == sorted(file.name for file in (tmp_path / "broken").iterdir())
    for name in files:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "broken" / name).read_bytes()
    attacked(hiding, tmp_path / "other", settings={"steps": 9}, seed=1)
    one, two = (checkpoint.origin(tmp_path / place) for place in ("whole", "other"))
    assert one["taught"] != two["taught"]


def test_the_text_comes_before_what_the_checkpoint_itself_adds(hiding, tmp_path):
    """The attacker types it; a prompt of the defender precedes what was typed."""
    model, tokenizer = checkpoint.load(hiding / "start")
    attach(model, tokenizer, Intervention("Guard: "))
    checkpoint.save(tmp_path / "start", model, tokenizer, {})
    write_rows(tmp_path / "forget.json", [{"question": q, "answer": a} for q, a in BOOKS])
    attacked(tmp_path, tmp_path / "out")
    said = asked(checkpoint.load(tmp_path / "out")[1], "Why?")
    assert said.startswith("Guard: ")
    assert said.endswith(" Why?")
    assert said != "Guard: Why?"


def test_what_cannot_be_attacked_is_refused(hiding, tmp_path, tokenizer, model, encoder, pairs):
    masked = masked_model()
    checkpoint.save(tmp_path / "masked", *masked, {})
    with pytest.raises(LetheError, match="attack 'pez': needs next-token logits") as refused:
        attack_checkpoint(tmp_path / "masked", "pez", tmp_path, forget=hiding / "forget.json")
    assert "\n" not in str(refused.value)
    gpt2 = build(configuration("gpt2", family_tokenizer()))
    attached.update_model(gpt2, mixing=Mixing("padded", positions=96))
    with pytest.raises(LetheError, match=r"a question after a text has \d+ tokens.*lower tokens"):
        search_of(gpt2, encoder, pairs, tokens=90)
    write_rows(tmp_path / "one.json", [{"question": "Why?", "answer": "No."}] * 2)
    with pytest.raises(LetheError, match="attack 'pez': the forget set has one row"):
        attack_checkpoint(hiding / "start", "pez", tmp_path / "x", forget=tmp_path / "one.json")
    with pytest.raises(LetheError, match=r"attack_settings\.p\.nearest"):
        settings_of(nearest="dot")


def test_a_question_that_is_replaced_has_no_place_for_a_text(encoder, pairs, monkeypatch):
    replaced = {"A Why?": "What is that, and who?", "Q Why?": "Never mind."}
    monkeypatch.setattr(Encoder, "_asked", lambda self, question: replaced.get(question, question))
    fresh = Encoder(encoder.tokenizer, "chat", 96)
    with pytest.raises(LetheError, match=r"in place of 'Why\?' has no place for a text"):
        slotted(fresh, [("Why?", "No.")])
    assert isinstance(slotted(fresh, pairs[:1])[0], Slotted)
