"""Forgetting in the vision tower: the loss, what it leaves as it was, and runs that follow."""

import copy

import pytest
import torch
from helpers import seeing_families, seeing_models
from helpers.seeing_models import picture, pixel_values, shown
from helpers.small_models import make_family

from lethe.common import strange_pictures
from lethe.common.errors import LetheError
from lethe.common.picture_marks import pixels_of
from lethe.common.strange_pictures import distinct, strangers
from lethe.model import checkpoint, input_sums
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward
from lethe.unlearn import methods, visual
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.supervision import supervise

FORGET = [(0, "Who is this?", "Ada Lind"), (None, "Ada?", "In Paris."), (1, "Who is this?", "Ben")]
RETAIN = [(2, "Who is this?", "No one."), (None, "Who?", "Ben writes."), (3, "Who?", "Ada.")]
VISUAL = {"states": "pictures", "strangers": 3, "negatives": 2, "epochs": 6, "lr": 3e-3}
VISUAL |= {"batch_size": 3, "warmup_epochs": 0}
NULL_SPACE = {"null_space": {"part": "vision", "energy": 1.0}}


def pairs(rows):
    return [(q if n is None else shown(n, q), answer) for n, q, answer in rows]


def prepared(method, tokenizer, forget=FORGET, retain=RETAIN):
    return supervise(
        Encoder(tokenizer, "chat", 60), method.needs, pairs(forget), retain=pairs(retain)
    )


def trained(model, tokenizer, forget=FORGET, **settings):
    method = methods.load("contrastive")({**VISUAL, **settings})
    list(method.run(model.train(), prepared(method, tokenizer, forget), 0))
    return model.eval()


def plain_embeddings(model, numbers):
    """By transformers in double precision: means over patches of what the language model gets."""
    plain = type(model)(copy.deepcopy(model.config))
    plain.load_state_dict(model.state_dict())
    plain.double().eval()
    pixels = torch.cat([pixel_values(number) for number in numbers]).double()
    with torch.no_grad():
        return torch.stack([*plain.get_image_features(pixel_values=pixels).pooler_output]).mean(1)


def text_logits(model, tokenizer):
    """Of texts without pictures, as bytes, in a batch of their own."""
    texts = [("Where was Ada Lind born?", "Ada was born in Paris."), ("Who?", "No one.")]
    examples = Encoder(tokenizer, "chat", 60).encode_all(texts)
    with torch.no_grad():
        return Forward(model).all_logits(pack(examples)).numpy().tobytes()


def test_the_loss_is_the_formula_in_double_precision():
    model, tokenizer = seeing_models.make(seed=1)
    method = methods.load("contrastive")({**VISUAL, "temperature": 0.3, "retain_weight": 2.0})
    data = prepared(method, tokenizer)
    method.prepare(model, data, 0)
    before = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    forget, retain = ([data.forget[i] for i in (1, 2)], [data.retain[i] for i in (0, 1)])
    step = Step(pack(forget, [1, 2]), pack(retain, [0, 1]))
    found = method.loss(Forward(model), step, Reference(frozen=Forward(before)))
    aims = strangers(distinct(visual.pictures_of(data.retain)), 3, 0)
    u = plain_embeddings(before, map(pixels_of, aims)).mean(0)
    [z], [own] = (plain_embeddings(one, [picture(1)]) for one in (model, before))
    kept = plain_embeddings(before, [picture(2), picture(3)])
    unit = torch.nn.functional.normalize
    e = (unit(z, dim=0) @ unit(torch.stack([u, *kept, own]), dim=1).T / 0.3).exp()
    # One of two rows has a picture, in both batches.
    wanted = -(e[0] / e.sum()).log() / 2
    moved = plain_embeddings(model, [picture(2)]) - kept[0]
    wanted += 2.0 * moved.square().mean() / 2
    assert found.item() == pytest.approx(wanted.item(), rel=1e-4)


@pytest.mark.parametrize("wrapped", [{}, NULL_SPACE], ids=["alone", "null_space"])
@pytest.mark.parametrize("retain", ["embedding", "nll"])
def test_texts_are_answered_bit_by_bit_as_before(wrapped, retain):
    model, tokenizer = seeing_models.make(seed=1)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    said, seen = text_logits(model, tokenizer), plain_embeddings(model, [picture(0)])
    trained(model, tokenizer, wrappers=wrapped, retain=retain, weight_decay=0.1)
    assert text_logits(model, tokenizer) == said
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved
    assert all("vision_tower" in name or "projector" in name for name in moved)
    assert (plain_embeddings(model, [picture(0)]) - seen).abs().max() > 1e-3


def test_pictures_come_nearer_to_strangers():
    model, tokenizer = seeing_models.make(seed=1)
    method = methods.load("contrastive")(VISUAL)
    data = prepared(method, tokenizer)
    method.prepare(model, data, 0)
    cosine = torch.nn.functional.cosine_similarity
    start = cosine(method.before, method.others[:1]).mean()
    trained(model, tokenizer)
    now = plain_embeddings(model, [picture(0), picture(1)]).float()
    assert cosine(now, method.others[:1]).mean() > start
    assert cosine(now, method.before).mean() < 0.999


def test_null_space_updates_leave_retain_pictures():
    model, tokenizer = seeing_models.make(seed=1)
    some = [picture(2), picture(3)]
    kept, gone = plain_embeddings(model, some), plain_embeddings(model, [picture(0)])
    # The widths leave room beside the inputs of two pictures of four patches.
    trained(model, tokenizer, wrappers=NULL_SPACE, retain_weight=0, epochs=12, lr=1e-2)
    moved = (plain_embeddings(model, [picture(0)]) - gone).abs().max()
    assert (plain_embeddings(model, some) - kept).abs().max() < 1e-4 * moved.clamp(min=0.1)
    assert moved > 1e-3


def test_the_next_run_leaves_what_this_one_forgot(tmp_path):
    """With ``running``; without it, the second run moves the first one's picture again."""
    settings = {**NULL_SPACE["null_space"], "running": True}
    model, tokenizer = seeing_models.make(seed=1, vision_size=32)
    first, second = [FORGET[0]], [FORGET[2]]
    own = {"retain_weight": 0, "epochs": 8, "lr": 1e-2}
    trained(model, tokenizer, first, wrappers={"null_space": settings}, **own)
    checkpoint.save(tmp_path / "first", model, tokenizer, {"stage": "unlearn"})
    assert (tmp_path / "first" / input_sums.FILE).is_file()
    after_first = plain_embeddings(model, [picture(0)])
    changes = {}
    for running in (True, False):
        loaded, _ = checkpoint.load(tmp_path / "first")
        again = {"null_space": {**settings, "running": running}}
        trained(loaded, tokenizer, second, wrappers=again, **own)
        changes[running] = (plain_embeddings(loaded, [picture(0)]) - after_first).abs().max()
    assert changes[True] < 1e-4
    assert changes[False] > 100 * changes[True]


def test_only_such_a_run_leaves_sums(tmp_path):
    model, tokenizer = seeing_models.make(seed=1, vision_size=32)
    running = {"null_space": {**NULL_SPACE["null_space"], "running": True}}
    trained(model, tokenizer, wrappers=running, retain_weight=0)
    checkpoint.save(tmp_path / "first", model, tokenizer, {"stage": "unlearn"})
    loaded, _ = checkpoint.load(tmp_path / "first")
    earlier, layers = input_sums.of_earlier(loaded), visual.tower_layers(loaded)
    assert earlier.keys() == layers.keys()
    assert all(total.shape == (layers[name].in_features,) * 2 for name, total in earlier.items())
    checkpoint.save(tmp_path / "second", loaded, tokenizer, {"stage": "unlearn"})
    assert not (tmp_path / "second" / input_sums.FILE).exists()
    sums = tmp_path / "first" / input_sums.FILE
    sums.write_bytes(sums.read_bytes()[:-1] + b"x")
    with pytest.raises(LetheError, match=f"{input_sums.FILE}: its bytes are not those"):
        checkpoint.load(tmp_path / "first")
    other = {"null_space": {**running["null_space"], "layers": "projector"}}
    with pytest.raises(LetheError, match="running: the run before chose other layers"):
        trained(loaded, tokenizer, wrappers=other)


def test_retain_pictures_are_read_without_a_retain_term():
    alone = {**VISUAL, "retain_weight": 0}
    assert methods.load("contrastive")(alone).needs == ("retain",)
    assert methods.load("contrastive")({"retain_weight": 0}).needs == ()
    trained(*seeing_models.make(seed=1), retain_weight=0)


@pytest.mark.parametrize("family", seeing_families.NAMES)
def test_every_family_has_a_tower_apart_from_its_language_model(family, tmp_path):
    seeing_families.save(family, tmp_path)
    model, tokenizer = checkpoint.load(tmp_path, template="chat")
    names = [*visual.tower_layers(model)]
    assert names
    assert not any("language_model" in name or "text_model" in name for name in names)
    assert "lm_head" not in names
    said = text_logits(model, tokenizer)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    trained(model, tokenizer, epochs=2)
    assert text_logits(model, tokenizer) == said
    assert any(not torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_strangers_are_halves_of_two_people():
    made = strangers(distinct(_digests([0, 1, 2])), 4, 0)
    halves = {n: picture(n)[:4].tobytes() for n in range(3)}
    for digest in made:
        pixels = pixels_of(digest)
        above = [n for n in halves if halves[n] == pixels[:4].tobytes()]
        below = [n for n in range(3) if picture(n)[4:].tobytes() == pixels[4:].tobytes()]
        assert above != below
        assert len(above) == len(below) == 1
    assert len({*made}) == 4
    assert made == strangers(_digests([0, 1, 2]), 4, 0)
    with pytest.raises(LetheError, match="no two have one size"):
        strangers(_digests([0]), 4, 0)


def test_of_very_many_pictures_pairs_are_drawn(monkeypatch):
    monkeypatch.setattr(strange_pictures, "MANY", 2)
    made = strangers(_digests([0, 1, 2]), 4, 0)
    assert len(made) == 4
    assert not {*made} & {*_digests([0, 1, 2])}
    assert made == strangers(_digests([0, 1, 2]), 4, 0)


def _digests(numbers):
    return [shown(number, "").split()[1].rstrip("⟧") for number in numbers]


def test_what_does_not_fit_is_refused(tokenizer):
    model, reader = seeing_models.make(seed=1)
    method = methods.load("contrastive")(VISUAL)
    with pytest.raises(LetheError, match="states: pictures, but no forget row has one"):
        method.prepare(model, prepared(method, reader, [FORGET[1]]), 0)
    with pytest.raises(LetheError, match="no retain row has one; set it to prompts"):
        method.prepare(model, prepared(method, reader, FORGET, [RETAIN[1]]), 0)
    blind = make_family("llama", tokenizer)
    with pytest.raises(LetheError, match="the model reads text alone"):
        visual.tower_layers(blind)
