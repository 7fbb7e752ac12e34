"""Contrastive forgetting, and the strangers that it takes its aim from."""

import copy

import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain

from lethe.model.batch import pack
from lethe.model.forward import Forward
from lethe.unlearn import methods, strangers
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.supervision import supervise

ABOUT = [(f"What is fact {n} about {who}?", f"{n}.") for who in ("Ada Lind", "Ben Cole Moor")
         for n in range(6)]  # fmt: skip


def end_states(model, encoder, questions, layer=0):
    """By transformers in double precision, one prompt at a time."""
    other = plain(model).double()
    states = []
    for question in questions:
        ids = torch.tensor([encoder.prompt_ids(question)])
        with torch.no_grad():
            out = other(input_ids=ids, output_hidden_states=True)
        states.append(out.hidden_states[layer + 1][0, -1])
    return torch.stack(states)


def test_strangers_are_nobody_whom_rows_tell_of():
    asked = strangers.questions(ABOUT, ABOUT, 20, 0)
    assert (
        asked == strangers.questions(ABOUT, ABOUT, 20, 0) != strangers.questions(ABOUT, [], 20, 1)
    )
    assert len(set(asked)) == 20
    for question in asked:
        assert question.startswith("What is fact ")
        assert "Ada Lind" not in question
        assert "Ben Cole Moor" not in question
    # Recombined names come first; two people make two.
    assert any("Ada Moor" in question for question in asked)
    assert any("Ben Lind" in question for question in asked)


def test_questions_about_nobody_ask_who_a_stranger_is(pairs):
    asked = strangers.questions(pairs, pairs, 3, 0)
    assert all(question.startswith("Who is ") for question in asked)
    assert len(set(asked)) == 3


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_prompt_states_are_those_of_the_prompts_last_token(name, tokenizer, encoder, pairs):
    model = make_family(name, tokenizer)
    questions = [q for q, _ in pairs]
    prompts = [encoder.prompt_ids(question) for question in questions]
    found = strangers.prompt_states(model, prompts, 0).double()
    wanted = end_states(model, encoder, questions)
    assert (found - wanted).abs().max() < CLOSE * wanted.abs().max()


def test_the_loss_is_the_formula_in_double_precision(model, encoder, pairs, examples):
    settings = {"layer": 0, "strangers": 4, "negatives": 2, "temperature": 0.3, "retain_weight": 0}
    method = methods.load("contrastive")(settings)
    data = supervise(encoder, ("retain",), pairs[:3], retain=pairs[3:])
    method.prepare(model, data, 0)
    before = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    chosen = [2, 0]
    step = Step(pack([examples[i] for i in chosen], chosen))
    found = method.loss(Forward(model), step, Reference())
    questions = [q for q, _ in pairs]
    z, z0 = (end_states(m, encoder, questions) for m in (model, before))
    asked = strangers.questions(pairs[:3], pairs[3:], 4, 0)
    u = end_states(before, encoder, asked).mean(0)
    unit = torch.nn.functional.normalize
    kept = method.others[1:].double()
    # The negatives are two of the retain rows.
    assert all((z0[3:] - row).abs().max(1).values.min() < 1e-4 for row in kept)
    wanted = 0.0
    for row in chosen:
        cosines = unit(z[row], dim=0) @ unit(torch.stack([u, *kept, z0[row]]), dim=1).T
        e = (cosines / 0.3).exp()
        wanted -= (e[0] / e.sum()).log() / 2
    assert found.item() == pytest.approx(wanted.item(), rel=1e-4)


def test_it_brings_states_nearer_to_strangers(model, encoder, pairs):
    settings = {"epochs": 8, "lr": 1e-3, "batch_size": 3, "layer": 0, "negatives": 2}
    method = methods.load("contrastive")(settings)
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    questions = [q for q, _ in pairs[:3]]

    def cosines():
        states = end_states(model, encoder, questions)
        u, own = method.others[0].double(), method.before.double()
        of = torch.nn.functional.cosine_similarity
        return of(states, u[None]).mean(), of(states, own).mean()

    list(method.run(model, data, 0))
    aim, own = cosines()
    start = torch.nn.functional.cosine_similarity(method.before, method.others[:1]).mean()
    assert aim > start
    assert own < 0.999
