"""Latent attacks against plain passes of one row at a time, and torch's own Adam."""

import pytest
import torch
from helpers.family_outcomes import tokenizer as family_tokenizer
from helpers.small_models import CLOSE, make_family, plain
from helpers.tiny_families import build, configuration
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model import attached
from lethe.model.batch import pack
from lethe.model.encoder import Example
from lethe.model.forward import Forward, decoder_layers
from lethe.model.token_mixing import Mixing
from lethe.unlearn.latent import attack
from lethe.unlearn.latent.settings import AttackSettings

SETTINGS = AttackSettings(attack_layer=0, attack_steps=3, radius=0.3, attack_rate=0.7)


def shifted_loss(model, example, layer, shift):
    """A row's mean loss with ``shift`` [prompt, H] added to a layer's output, by transformers."""

    def add(module, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        padding = hidden.shape[1] - len(shift)
        new = hidden + torch.cat([shift, shift.new_zeros(padding, shift.shape[1])])[None]
        return (new, *output[1:]) if isinstance(output, tuple) else new

    hook = decoder_layers(model)[layer].register_forward_hook(add)
    logits = model(input_ids=torch.tensor([example.ids])).logits[0]
    hook.remove()
    labels = torch.tensor(example.ids[example.start :])
    return cross_entropy(logits[example.start - 1 : -1], labels)


def by_hand(model, example, s):
    """The shift [prompt, H] of one row."""
    states = []
    layer = decoder_layers(model)[s.attack_layer]
    hook = layer.register_forward_hook(
        lambda m, i, o: states.append(o[0] if isinstance(o, tuple) else o)
    )
    with torch.no_grad():
        model(input_ids=torch.tensor([example.ids]))
    hook.remove()
    own = states[0].reshape(-1, states[0].shape[-1])[: example.start]
    radius = s.radius * (own.norm(dim=-1, keepdim=True) if s.radius_of == "states" else 1.0)
    unit = torch.zeros_like(own).requires_grad_()
    adam = torch.optim.Adam([unit], lr=s.attack_rate / own.shape[1] ** 0.5)
    for _ in range(s.attack_steps):
        adam.zero_grad()
        shifted_loss(model, example, s.attack_layer, unit * radius).backward()
        adam.step()
        with torch.no_grad():
            unit.div_(unit.norm(dim=-1, keepdim=True).clamp(min=1))
    return (unit * radius).detach()


@pytest.mark.parametrize("radius_of", ["states", "absolute"])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", ["llama", "gpt_neox"])
def test_each_row_has_the_shift_that_it_has_by_itself(name, layer, radius_of, tokenizer, examples):
    model = make_family(name, tokenizer).double()
    rows, other = [examples[i] for i in (3, 0, 4)], plain(model)
    settings = SETTINGS.model_copy(update={"attack_layer": layer, "radius_of": radius_of})
    found = attack.find(model, pack(rows), settings)
    for row, example in enumerate(rows):
        wanted = by_hand(other, example, settings)
        shift = found.values[row].double()
        assert (shift[: example.start] - wanted).norm() / wanted.norm() < 1e-3
        assert not shift[example.start :].any()
    assert not any(p.grad is not None for p in model.parameters())


def test_an_attack_makes_the_answers_likelier_within_its_radius(model, examples):
    rows = [examples[i] for i in (3, 0, 2)]
    settings = SETTINGS.model_copy(update={"attack_steps": 8, "radius": 0.5})
    batch = pack(rows)
    shift = attack.find(model, batch, settings)
    lengths = shift.values.norm(dim=-1)
    bounds = 0.5 * shift.states.norm(dim=-1)
    row, place, prompt = attack._places(batch)
    assert (lengths[row[prompt], place[prompt]] <= bounds[prompt] * (1 + CLOSE)).all()
    draw = torch.Generator().manual_seed(0)
    noise = torch.empty_like(shift.values).normal_(generator=draw)
    noise = noise / noise.norm(dim=-1, keepdim=True) * lengths[..., None]
    with torch.no_grad():
        plainly = Forward(model).answers(batch).sequence_nll()
        attacked = attack.Shifted(model, shift, [batch]).answers(batch).sequence_nll()
        random = attack.Shifted(model, attack.Shift(0, noise), [batch])
        other = random.answers(batch).sequence_nll()
    assert (attacked < plainly).all()
    assert (attacked < other).all()


def test_a_row_does_not_depend_on_the_others(model, examples):
    rows = [examples[i] for i in (3, 0, 2)]
    whole = attack.find(model, pack(rows), SETTINGS).values
    for number, row in enumerate(rows):
        alone = attack.find(model, pack([row]), SETTINGS).values[0]
        assert torch.allclose(whole[number, : len(alone)], alone, rtol=1e-3, atol=1e-4)


def test_other_answers_to_a_question_are_shifted_alike(model, examples, encoder, pairs):
    """In ``hidden`` and ``all_logits`` too; and no other batch is shifted."""
    rows = [3, 0]
    batch = pack([examples[i] for i in rows], rows)
    others = encoder.encode_all([(pairs[i][0], "No idea at all, really.") for i in rows])
    other, retain = pack(others, [0, 1]), pack([examples[5]], [5])
    shift = attack.find(model, batch, SETTINGS)
    forward = attack.Shifted(model, shift, [batch, other])
    now = plain(model)
    for row, example in enumerate(others):
        wanted = shifted_loss(now, example, 0, shift.values[row, : example.start])
        own = forward.answers(other)
        found = own.sequence_nll()[row] / example.answer_tokens
        assert found.item() == pytest.approx(wanted.item(), rel=CLOSE * 10)
    assert torch.equal(forward.answers(retain).logits, Forward(model).answers(retain).logits)
    added = forward.hidden(batch, 0) - Forward(model).hidden(batch, 0)
    assert torch.allclose(added, shift.at_tokens(batch), atol=1e-5)
    assert not torch.equal(forward.all_logits(batch), Forward(model).all_logits(batch))


def test_families_in_plain_rows_are_attacked_too():
    """Falcon's own attention with alibi: rows are padded."""
    model = build(configuration("falcon/alibi", family_tokenizer()))
    attached.update_model(model, mixing=Mixing("padded"))
    draw = torch.Generator().manual_seed(0)
    rows = [
        Example(tuple(torch.randint(3, 200, (p + a,), generator=draw).tolist()), p)
        for p, a in ((5, 4), (2, 7))
    ]
    found = attack.find(model, pack(rows), SETTINGS)
    for row, example in enumerate(rows):
        wanted = by_hand(model, example, SETTINGS)
        assert (found.values[row, : example.start] - wanted).norm() / wanted.norm() < 1e-2


def test_which_layer_is_attacked(model, examples, monkeypatch):
    assert attack.layer_of(model, None) == 0
    monkeypatch.setattr(attack, "decoder_layers", lambda model: [None] * 32)
    assert attack.layer_of(model, None) == 7
    monkeypatch.undo()
    with pytest.raises(LetheError, match=r"^attack_layer: 2, but the model has layers 0 to 1"):
        attack.find(model, pack(examples[:1]), SETTINGS.model_copy(update={"attack_layer": 2}))
