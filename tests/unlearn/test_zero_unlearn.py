"""ZeroUnlearn: the closed form, what its searches find, and what an edit does to a model."""

import copy

import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain

from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.cost import Meter, watch
from lethe.model.forward import Forward, decoder_layers, hidden_states
from lethe.model.likelihood import mean_losses
from lethe.unlearn import closed_form, methods
from lethe.unlearn.supervision import supervise
from lethe.unlearn.weight_arithmetic import weights

D, F, N = 12, 30, 3
TERMS = {"general": 15000.0, "forget": 50.0, "mu": 1.0}


def problem(seed=0):
    """W [D, F], E[k k'], and N keys, values and sensitive values."""
    draw = torch.Generator().manual_seed(seed)
    sizes = {"w": (D, F), "k": (200, F), "keys": (N, F), "values": (N, D), "sensitive": (N, D)}
    made = {n: torch.randn(s, generator=draw, dtype=torch.float64) for n, s in sizes.items()}
    made["moment"] = made["k"].T @ made.pop("k") / 200
    return made


def edit(given, span, **changed):
    names = ("w", "moment", "keys", "values")
    return closed_form.multiplier(*(given[n] for n in names), span, **TERMS | changed)


def test_without_forget_weight_and_projection_it_is_the_identity():
    found = edit(problem(), torch.eye(D, dtype=torch.float64), forget=0.0)
    assert torch.allclose(found, torch.eye(D, dtype=torch.float64), rtol=0, atol=1e-8)
    moved = edit(problem(), torch.eye(D, dtype=torch.float64), general=1.0)
    assert not torch.allclose(moved, torch.eye(D, dtype=torch.float64), rtol=0, atol=0.1)


def test_it_is_the_minimum_of_its_objective():
    """Of weighted |D W k - P v|² over the general keys, the forget keys, and mu W itself."""
    given = problem()
    span = closed_form.projection(given["sensitive"], N, 0.01)
    found = edit(given, span, general=3.0, forget=2.0, mu=0.5).requires_grad_()
    w, root = given["w"], torch.linalg.cholesky(given["moment"])
    parts = [(3.0, root, w @ root), (2.0, given["keys"].T, given["values"].T)]
    parts.append((0.5, torch.eye(F, dtype=torch.float64), w))
    loss = sum(c * (found @ w @ k - span @ v).square().sum() for c, k, v in parts)
    (gradient,) = torch.autograd.grad(loss, [found])
    assert gradient.abs().max() < 1e-9 * loss


def objective(given, span, found, general, forget, mu):
    """The weighted |D W k - P v|² by its definition; ``root`` @ ``root``' = E[k k']."""
    w, root = given["w"], torch.linalg.cholesky(given["moment"])
    parts = [(general, root, w @ root), (forget, given["keys"].T, given["values"].T)]
    parts.append((mu, torch.eye(F, dtype=torch.float64), w))
    return sum(c * (found @ w @ k - span @ v).square().sum() for c, k, v in parts)


def test_descent_lowers_the_objective_to_the_closed_forms():
    given, terms = problem(), {"general": 3.0, "forget": 2.0, "mu": 0.5}
    span = closed_form.projection(given["sensitive"], N, 0.01)
    names = ("w", "moment", "keys", "values")

    def after(steps):
        return closed_form.descended(
            *(given[n] for n in names), span, steps=steps, rate=1.0, **terms
        )

    values = [float(objective(given, span, after(steps), **terms)) for steps in (0, 1, 10, 100)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4
    exact = edit(given, span, **terms)
    assert torch.equal(after(0), torch.eye(D, dtype=torch.float64))
    assert (after(20_000) - exact).norm() < 1e-6 * exact.norm()
    # The first step is against the objective's slope at the identity.
    eye = torch.eye(D, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(objective(given, span, eye, **terms), [eye])
    step = after(1) - eye.detach()
    assert torch.allclose(step / step.norm(), -slope / slope.norm(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_variant_by_descent_edits_the_same_matrix(name, tokenizer, encoder, pairs, examples):
    found = {}
    for settings in ({"descent_steps": 1}, {"descent_steps": 50}):
        model = make_family(name, tokenizer)
        before = weights(model)
        method = methods.load("zero_unlearn_gd")(settings)
        data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
        assert list(method.run(model, data, 0)) == [(1, 1)]
        (matrix,) = changed(model, before)
        found[settings["descent_steps"]] = dict(model.named_parameters())[matrix]
        assert "layers.0.mlp." in matrix
    assert not torch.equal(found[1], found[50])


def test_edited_values_are_orthogonal_to_the_sensitive_ones():
    given = problem()
    span = closed_form.projection(given["sensitive"], N, 0.0)
    edited = given["keys"] @ given["w"].T @ edit(given, span).T
    cosine = torch.nn.functional.cosine_similarity(
        edited[:, None], given["sensitive"][None], dim=-1
    )
    assert cosine.abs().max() < 1e-9
    # What epsilon leaves of them is that part.
    loose = closed_form.projection(given["sensitive"], N, 0.01)
    assert torch.allclose(given["sensitive"] @ loose, 0.01 * given["sensitive"], rtol=0, atol=1e-9)
    aside = given["values"] @ span
    assert torch.allclose(aside @ loose, 1.01 * aside, rtol=0, atol=1e-9)


def test_no_more_directions_are_taken_than_allowed():
    sensitive = torch.randn(40, D, generator=torch.Generator().manual_seed(1)).double()
    span = closed_form.projection(sensitive, 3, 0.0)
    assert torch.linalg.matrix_rank(span) == D - 3
    twice = torch.cat([sensitive[:2], sensitive[:2]])
    assert torch.linalg.matrix_rank(closed_form.projection(twice, 8, 0.0)) == D - 2


def run(model, encoder, pairs, **settings):
    method = methods.load("zero_unlearn")(settings)
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    assert list(method.run(model, data, 0)) == [(1, 1)]
    return method


def changed(model, before) -> list[str]:
    return [name for name, p in weights(model).items() if not torch.equal(p, before[name])]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_only_the_matrix_of_the_edited_layer_changes(name, tokenizer, encoder, pairs, examples):
    model = make_family(name, tokenizer)
    before, at_first = weights(model), mean_losses(model, examples)
    run(model, encoder, pairs)
    (matrix,) = changed(model, before)
    assert "layers.0.mlp." in matrix
    assert matrix.split(".")[-2] in closed_form.OUTPUTS
    after = mean_losses(model, examples)
    assert after != at_first
    assert all(p.requires_grad for p in model.parameters())
    assert not model.training


def test_without_forget_weight_and_projection_the_model_stays(model, encoder, pairs, examples):
    at_first = torch.tensor(mean_losses(model, examples))
    run(model, encoder, pairs, forget_weight=0, projection=False)
    # The edit is the identity but for the rounding of weights to single precision.
    assert torch.allclose(torch.tensor(mean_losses(model, examples)), at_first, rtol=CLOSE)


@pytest.mark.parametrize("position", ["subject", "last"])
def test_values_in_the_edited_model_are_orthogonal_to_the_sensitive_ones(
    position, model, encoder, pairs, examples
):
    method = methods.load("zero_unlearn")({"position": position, "epsilon": 0})
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    module = closed_form.output_matrix(decoder_layers(model)[0])
    found = {}
    inner = method._forget

    def spy(*given):
        found["keys"], _, found["sensitive"] = inner(*given)
        found["places"] = given[2]
        return found["keys"], _, found["sensitive"]

    method._forget = spy
    list(method.run(model, data, 0))
    # Without names of five questions, both positions are the prompt's last token.
    assert found["places"] == [example.start - 1 for example in examples[:3]]
    with torch.no_grad(), closed_form.seen(module, inputs=False) as values:
        hidden_states(model, pack(examples[:3]))
    some = closed_form.rows(examples[:3], found["places"], "cpu")
    cosine = torch.nn.functional.cosine_similarity(
        values[0][some.places].double()[:, None], found["sensitive"][None], dim=-1
    )
    # Weights and values are of single precision.
    assert cosine.abs().max() < 1e-5


def test_searches_find_likely_answers(model, examples):
    module = closed_form.output_matrix(decoder_layers(model)[0])
    some = closed_form.rows(examples, [e.start - 1 for e in examples], "cpu")
    with torch.no_grad(), closed_form.seen(module, inputs=False) as values:
        before = Forward(model).answers(some.batch).sequence_nll()
    states = values[0][some.places]
    search = closed_form.Search(steps=25, clamp=2.0)
    shift = closed_form.find_shift(model, module, some, search, states)
    assert (shift.norm(dim=-1) <= 2.0 * states.norm(dim=-1) * (1 + 1e-5)).all()
    with torch.no_grad(), closed_form.shifted(module, some.places, shift):
        after = Forward(model).answers(some.batch).sequence_nll()
    assert (after < before).all()
    # Searched alone, a row's shift is the same: rows do not touch each other.
    alone = closed_form.rows(examples[2:3], [examples[2].start - 1], "cpu")
    own = closed_form.find_shift(model, module, alone, search, states[2:3])
    assert torch.allclose(own[0], shift[2], rtol=0, atol=1e-3 * float(shift[2].norm()))
    with torch.no_grad():
        assert torch.equal(Forward(model).answers(some.batch).sequence_nll(), before)


def test_drift_is_the_divergence_of_the_next_token(model, examples):
    places = [2] * len(examples)
    some = closed_form.rows(examples, places, "cpu")
    value = closed_form.drift(model, some, torch.ones(len(examples), dtype=torch.bool))
    with torch.no_grad():
        hidden = hidden_states(model, some.batch)
        assert abs(value(hidden)) < 1e-5
        moved = copy.deepcopy(model)
        moved.model.norm.weight.mul_(1.3)
        found = value(hidden_states(moved, some.batch))
        expected = 0.0
        for example in examples:
            ids = torch.tensor([example.ids])
            p, q = (plain(m)(input_ids=ids).logits[0, 2].log_softmax(-1) for m in (model, moved))
            expected += (p.exp() * (p - q)).sum()
    assert found == pytest.approx(float(expected), rel=1e-4)


def test_keys_stand_at_the_subjects_last_token(tokenizer, encoder):
    pairs = [("Where was Ada Lind born?", "x"), ("Why?", "y")]
    places = closed_form.key_places(encoder, pairs, ["Ada Lind", None])
    prompt = encoder.prompt_ids(pairs[0][0])
    assert tokenizer.decode(prompt[: places[0] + 1]).endswith("Ada Lind")
    assert not tokenizer.decode(prompt[: places[0]]).endswith("Ada Lind")
    assert places[1] == len(encoder.prompt_ids("Why?")) - 1


def test_it_takes_the_passes_that_it_declares(model, encoder, pairs):
    watch(model)
    with Meter() as meter:
        method = run(model, encoder, pairs)
    found = meter.read()
    assert (found["forward_passes"], found["backward_passes"]) == (53, 50)
    # One layer of the three that the declaration is for: two searches in place of four.
    assert (method.passes.forward - 54, method.passes.backward - 50) == (53, 50)


def test_mistakes_are_one_line(model, encoder, pairs):
    with pytest.raises(LetheError, match=r"zero_unlearn\.layers: \[1\], but of 2 layers all but"):
        run(model, encoder, pairs, layers=[1])
    with pytest.raises(LetheError, match=r"zero_unlearn\.share: .*found 1"):
        methods.load("zero_unlearn")({"share": 1}, "zero_unlearn")
