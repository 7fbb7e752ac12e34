"""Wrappers: each against what its paper promises, and with any loss."""

import copy
import dataclasses
import math
import types

import pytest
import torch
from helpers.small_models import (
    CLOSE,
    PAIRS,
    distance,
    gradients,
    make_family,
    plain,
    sums,
    token_mean,
)
from helpers.steps import FORGET, RETAIN

from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.cost import Meter, watch
from lethe.model.forward import Forward, decoder_layers
from lethe.unlearn import methods, wrappers
from lethe.unlearn.interface import Reference, Step, Supervision
from lethe.unlearn.method import Method
from lethe.unlearn.supervision import supervise
from lethe.unlearn.weight_arithmetic import weights
from lethe.unlearn.wrappers import conflict_freezing as conflict
from lethe.unlearn.wrappers.gru import rectified

SHARED = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0.5}
LOSSES = [name for name in methods.for_causal() if methods.load(name).run is Method.run]


@pytest.fixture
def step(examples):
    return Step(*(pack([examples[i] for i in rows], rows) for rows in (FORGET, RETAIN)))


def run(name, model, encoder, pairs, wrapped, seed=0, **settings):
    """Weights after each epoch."""
    method = methods.load(name)({**SHARED, "wrappers": wrapped, **settings})
    data = supervise(
        encoder,
        method.needs,
        pairs[:4],
        retain=pairs[3:],
        refusals=["No idea."],
        alternatives=[["A."]] * 4,
        prior=lambda: make_family("llama", encoder.tokenizer, seed=5),
        before=lambda: make_family("llama", encoder.tokenizer, seed=6),
    )
    return [weights(model) for _ in method.run(model, data, seed)]


def has_two_terms(name: str) -> bool:
    method = methods.load(name)()
    return method.term is not None and type(method).loss is Method.loss


def refusal(wrapper: str, name: str) -> str | None:
    """The line that refuses a method with a wrapper, if any does."""
    if wrapper == "pcgrad" and not has_two_terms(name):
        return rf"pcgrad: {name} has no retain term"
    if wrapper == "lat" and len(methods.load(name)().inner_steps) > 1:
        return rf"lat: {name} takes steps of several kinds"
    if wrapper == "lat" and "attack_steps" in methods.load(name).settings_class.model_fields:
        return rf"lat: {name} has an attack of its own"
    return None


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("wrapper", wrappers.names())
def test_every_wrapper_goes_with_every_loss(name, wrapper, model, encoder, pairs):
    if line := refusal(wrapper, name):
        with pytest.raises(LetheError, match=line):
            methods.load(name)({"wrappers": {wrapper: {}}}, name)
        return
    before = weights(model)
    settings = {"bao": {"margin": 9.0}, "null_space": {"energy": 0.9}}.get(wrapper, {})
    after = run(name, model, encoder, pairs, {wrapper: settings})
    assert len(after) == 2
    assert all(torch.isfinite(w).all() for w in after[-1].values())
    assert max((after[-1][n] - w).abs().max() for n, w in before.items()) > 1e-5
    assert all(p.requires_grad for p in model.parameters())


def test_all_wrappers_go_together(model, encoder, pairs):
    chosen = {
        "conflict_freezing": {},
        "mpu": {},
        "bao": {},
        "gru": {},
        "sam": {},
        "pcgrad": {},
        "null_space": {"energy": 0.9},
    }
    found = run("npo_retain", model, encoder, pairs, chosen)
    assert len(found) == 2
    assert set(methods.load("npo_retain")({"wrappers": chosen}).needs) >= {
        "retain",
        "prior",
        "before",
    }


@pytest.mark.parametrize("wrapper", wrappers.names())
def test_the_same_seed_gives_the_same_bits(wrapper, tokenizer, encoder, pairs):
    found = []
    for seed in (0, 0, 1):
        torch.rand(len(found) + 1)
        model = make_family("llama", tokenizer)
        found.append(run("npo_retain", model, encoder, pairs, {wrapper: {}}, seed)[-1])
    assert all(torch.equal(w, found[1][n]) for n, w in found[0].items())
    assert not all(torch.equal(w, found[2][n]) for n, w in found[0].items())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"wrappers": {"gro": {}}}, r"^npo\.wrappers: unknown wrapper 'gro'; did you mean gru"),
        ({"wrappers": {"gru": {"newest": 0}}}, r"^npo\.wrappers\.gru\.newest: .*found 0"),
        ({"wrappers": {"gru": {"old": 1}}}, r"^npo\.wrappers\.gru\.old: unknown setting"),
        ({"wrappers": {"mpu": {"round_epochs": 2}}, "epochs": 3}, r"mpu\.round_epochs: 2 does not"),
    ],
)
def test_wrong_wrappers_are_one_line(settings, line):
    with pytest.raises(LetheError, match=line) as error:
        methods.load("npo")(settings, "npo")
    assert "\n" not in str(error.value)


def test_a_method_without_a_loss_takes_no_wrapper():
    with pytest.raises(LetheError, match=r"^msa\.wrappers: .*omit"):
        methods.load("msa")({"wrappers": {"gru": {}}}, "msa")


# --- passes ---


class SingleProcess:
    """Stands for the only process."""

    def add_gradients(self, parameters):
        pass


def counted(method, model, step, examples, encoder=None) -> dict[str, int]:
    """Passes of a step's loss and of what is done to its gradient."""
    known = Reference(torch.zeros(7), torch.zeros(3), Forward(copy.deepcopy(model)))
    method.prepare(model, Supervision(examples, examples, PAIRS, PAIRS, encoder), 0)
    frozen = []
    layer = decoder_layers(known.frozen.model)[0]
    layer.register_forward_hook(lambda *_: frozen.append(1))
    watch(model)
    with Meter() as meter:
        for inner_step in range(len(method.inner_steps)):
            step = dataclasses.replace(step, inner_step=inner_step)
            method.objective(Forward(model), step, known).backward()
            for wrapper in method.wrappers:
                parameters = [*model.parameters()]
                wrapper.differentiated(Forward(model), [step], parameters, SingleProcess())
    # Of other models only passes that end at a layer are counted.
    others = len(frozen) if getattr(method.settings, "retain", None) == "embedding" else 0
    forward, backward = meter.tally.forward_passes, meter.tally.backward_passes
    return {"forward": forward - others, "backward": backward}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("wrapper", ["bao", "gru", "sam", "pcgrad", "lat"])
def test_a_wrapped_batch_takes_the_passes_that_it_declares(
    name, wrapper, model, step, examples, encoder
):
    if refusal(wrapper, name):
        pytest.skip("it is refused")
    method = methods.load(name)({"batch_size": 3, "wrappers": {wrapper: {}}})
    whole = dataclasses.replace(step, alternate=pack([examples[i] for i in RETAIN], [0, 1, 2]))
    found = counted(method, model, whole, examples, encoder)
    declared = vars(method.passes)
    assert found == {kind: declared[kind] for kind in found}


def test_passes_of_copies_and_of_estimates():
    passes = methods.load("grad_diff")({"wrappers": {"mpu": {"copies": 3}}}).passes
    assert vars(passes) == {"forward": 6, "backward": 6, "frozen": 0}
    settings = {"gradient": {"name": "zeroth", "directions": 4}, "wrappers": {"gru": {}}}
    # Eight evaluations of two passes each, and the exact retain gradient.
    assert vars(methods.load("grad_diff")(settings).passes) == {
        "forward": 17,
        "backward": 1,
        "frozen": 0,
    }


# --- the boundary loss ---


def boundary(model, step, **settings) -> torch.Tensor:
    """What BAO adds to gradient ascent."""
    method = methods.load("grad_ascent")({"wrappers": {"bao": settings}})
    forward = Forward(model)
    return method.objective(forward, step, Reference()) - method.loss(forward, step, Reference())


def test_the_boundary_loss_by_hand(model, step, examples):
    now = plain(model)
    forget, retain = (
        sums(now, [examples[i] for i in rows])
        / torch.tensor([examples[i].answer_tokens for i in rows])
        for rows in (FORGET, RETAIN)
    )
    pairs = [max(0.0, 1.5 - (f - r).item()) for f in forget for r in retain]
    assert len(set(pairs)) > 3
    expected = 0.5 * sum(pairs) / 9
    assert boundary(model, step, margin=1.5, weight=0.5).item() == pytest.approx(expected, rel=1e-4)


def test_the_boundary_loss_is_zero_where_margins_hold(model, examples):
    """And has no gradient: the wrapped loss is then the method's own, bit by bit."""
    with torch.no_grad():
        losses = [token_mean(plain(model), [example]).item() for example in examples]
    high, low = losses.index(max(losses)), losses.index(min(losses))
    apart = Step(pack([examples[high]], [high]), pack([examples[low]], [low]))
    gap = losses[high] - losses[low]
    assert gap > 0.5
    assert boundary(model, apart, margin=0.99 * gap).item() == 0
    assert boundary(model, apart, margin=1.01 * gap).item() == pytest.approx(0.01 * gap, rel=1e-2)
    method = methods.load("grad_ascent")({"wrappers": {"bao": {"margin": 0.99 * gap}}})
    found = gradients(model, method.objective(Forward(model), apart, Reference()))
    own = gradients(model, method.loss(Forward(model), apart, Reference()))
    assert all(torch.equal(found[n], g) for n, g in own.items())


def test_pairs_of_a_subject_by_hand(model, examples):
    """Means over the pairs of each subject, then over subjects; rows of no subject do not count."""
    method = methods.load("grad_ascent")({"wrappers": {"bao": {"pairs": "subject", "margin": 9.0}}})
    assert set(method.needs) >= {"retain", "subjects"}
    forget, retain = [0, 1, 2], [3, 4, 5, 6]
    of_forget, of_retain = ["a", "b", "a"], [None, None, None, "a", "b", "b", None]
    data = types.SimpleNamespace(groups=(of_forget, of_retain))
    for wrapper in method.wrappers:
        wrapper.prepare(model, data, 0)
    step = Step(*(pack([examples[i] for i in rows], rows) for rows in (forget, retain)))
    losses = [token_mean(plain(model), [example]).item() for example in examples]
    gaps = {
        subject: [
            max(0.0, 9.0 - (losses[i] - losses[j]))
            for i in forget
            for j in retain
            if of_forget[i] == of_retain[j] == subject
        ]
        for subject in "ab"
    }
    assert [len(some) for some in gaps.values()] == [2, 2]
    expected = sum(sum(some) / len(some) for some in gaps.values()) / 2
    forward = Forward(model)
    found = method.objective(forward, step, Reference()) - method.loss(forward, step, Reference())
    assert found.item() == pytest.approx(expected, rel=1e-4)
    assert found.item() != pytest.approx(boundary(model, step, margin=9.0).item(), rel=1e-4)


def test_paired_subjects_are_trained(model, encoder, pairs):
    subjects = {pair: "ab"[number % 2] for number, pair in enumerate(pairs)}
    method = methods.load("npo")({**SHARED, "wrappers": {"bao": {"pairs": "subject"}}})
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:], subjects=subjects)
    assert len([*method.run(model, data, 0)]) == 2
    with pytest.raises(LetheError, match="subjects: no retain row is about b"):
        supervise(encoder, method.needs, pairs[:3], retain=[pairs[4]], subjects=subjects)


# --- gradient projection ---


def dot(first, second) -> float:
    return float(sum((a * b).sum() for a, b in zip(first, second, strict=True)))


def test_a_rectified_gradient_has_no_part_against_the_retain_gradient():
    torch.manual_seed(0)
    seen = set()
    for _ in range(20):
        g, r = ([torch.randn(4, 3), torch.randn(5)] for _ in range(2))
        found = rectified(g, r)
        size = math.sqrt(dot(g, g) * dot(r, r))
        assert dot(found, r) >= -1e-6 * size
        if dot(g, r) >= 0:
            assert all(torch.equal(a, b) for a, b in zip(found, g, strict=True))
        else:
            # The nearest such gradient: what was taken away is along r.
            taken = [a - b for a, b in zip(g, found, strict=True)]
            assert dot(taken, r) == pytest.approx(dot(g, r), rel=1e-5)
            assert dot(taken, taken) == pytest.approx(dot(g, r) ** 2 / dot(r, r), rel=1e-4)
        seen.add(dot(g, r) >= 0)
    assert seen == {True, False}


@pytest.mark.parametrize("name", ["grad_ascent", "npo", "grad_diff"])
def test_gru_on_a_model(name, model, step, examples):
    """With ``newest`` 1, against the retain gradient of plain transformers logits."""
    own = copy.deepcopy(model)
    known = Reference(torch.zeros(7), None, Forward(own))
    method = methods.load(name)({"wrappers": {"gru": {"newest": 1}}})
    (gru,) = method.wrappers
    objective = gradients(model, method.objective(Forward(model), step, known))
    retain = gradients(model, plain_mean(model, step, examples))
    method.objective(Forward(model), step, known).backward()
    parameters = [p for p in model.parameters() if p.requires_grad]
    gru.differentiated(Forward(model), [step], parameters, SingleProcess())
    found = {n: p.grad for n, p in model.named_parameters()}
    expected = rectified([*objective.values()], [*retain.values()])
    assert distance(found, dict(zip(objective, expected, strict=True))) < 10 * CLOSE
    size = math.sqrt(dot(found.values(), found.values()) * dot(retain.values(), retain.values()))
    assert dot(found.values(), retain.values()) > -1e-4 * size
    if name == "grad_ascent":
        assert dot(objective.values(), retain.values()) < 0


def plain_mean(model, step, examples):
    return token_mean(model, [examples[i] for i in step.retain.index])


def test_the_retain_gradient_is_a_moving_average(model, step, examples):
    (gru,) = methods.load("npo")({"wrappers": {"gru": {"newest": 0.75}}}).wrappers
    retain = gradients(model, plain_mean(model, step, examples))
    parameters = [p for p in model.parameters() if p.requires_grad]
    for share in (0.75, 0.25 * 0.75 + 0.75):
        gru.differentiated(Forward(model), [step], parameters, SingleProcess())
        average = dict(zip(retain, gru.average, strict=True))
        assert distance(average, {n: share * r for n, r in retain.items()}) < 10 * CLOSE


# --- both terms' gradients ---


@pytest.mark.parametrize("name", ["npo_retain", "grad_diff", "npo", "rmu"])
def test_the_forget_gradient_is_that_of_the_worst_point_near(name, model, step, examples):
    """And the retain gradient that of the weights, which are as they were bit by bit."""
    radius = 0.05
    known = Reference(torch.ones(7), None, Forward(copy.deepcopy(model)))
    method = methods.load(name)({"wrappers": {"sam": {"radius": radius}}})
    method.prepare(model, types.SimpleNamespace(forget=examples, retain=examples), 0)
    (sam,) = method.wrappers
    before = weights(model)
    own = gradients(model, method.forget(Forward(model), step, known))
    length = math.sqrt(dot(own.values(), own.values()))
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for n, p in moved.named_parameters():
            p.add_(radius / length * own.get(n, torch.zeros(())))
    expected = gradients(moved, method.forget(Forward(moved), step, known))
    if method.term is not None:
        retain = gradients(model, method.retain(Forward(model), step, known))
        expected = {n: expected.get(n, 0) + retain.get(n, 0) for n in {**expected, **retain}}
    method.objective(Forward(model), step, known).backward()
    parameters = [p for p in model.parameters() if p.requires_grad]
    plainly = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    sam.differentiated(Forward(model), [step], parameters, SingleProcess())
    found = {n: p.grad for n, p in model.named_parameters() if n in expected}
    assert distance(found, expected) < 10 * CLOSE
    assert distance(plainly, {n: expected[n] for n in plainly}) > 100 * CLOSE
    assert all(torch.equal(w, before[n]) for n, w in weights(model).items())


@pytest.mark.parametrize("weight", [0.5, 50.0])
def test_neither_projected_gradient_undoes_the_other(weight, model, step, examples):
    known = Reference(torch.zeros(7), None, Forward(copy.deepcopy(model)))
    method = methods.load("grad_diff")({"retain_weight": weight, "wrappers": {"pcgrad": {}}})
    (pcgrad,) = method.wrappers
    f = [*gradients(model, method.forget(Forward(model), step, known)).values()]
    r = [*gradients(model, weight * method.retain(Forward(model), step, known)).values()]
    assert dot(f, r) < 0
    along = [a - dot(f, r) / dot(r, r) * b for a, b in zip(f, r, strict=True)]
    other = [b - dot(f, r) / dot(f, f) * a for a, b in zip(f, r, strict=True)]
    method.objective(Forward(model), step, known).backward()
    parameters = [p for p in model.parameters() if p.requires_grad]
    pcgrad.differentiated(Forward(model), [step], parameters, SingleProcess())
    found = {str(n): p.grad for n, p in enumerate(parameters)}
    expected = {str(n): a + b for n, (a, b) in enumerate(zip(along, other, strict=True))}
    assert distance(found, expected) < 20 * CLOSE


# --- null space ---

OPTIMISERS = ["sgd", "adamw", "signadam"]


def retain_logits(model, examples) -> torch.Tensor:
    with torch.no_grad():
        return Forward(model.eval()).all_logits(pack(examples))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("family", ["llama", "phi"])
def test_null_space_updates_leave_retain_outputs(optimiser, family, tokenizer, encoder, pairs):
    """All logits of all retain tokens, to float precision, while those of forget rows change.

    Weight decay moves weights along themselves, momentum along older gradients: neither shows.
    """
    model = make_family(family, tokenizer)
    kept, forgotten = encoder.encode_all(pairs[4:5]), encoder.encode_all(pairs[:3])
    old_kept, old_forgotten = retain_logits(model, kept), retain_logits(model, forgotten)
    before = weights(model)
    method = methods.load("grad_ascent")(
        {
            **SHARED,
            "epochs": 4,
            "lr": 0.1 if optimiser == "sgd" else 1e-3,
            "weight_decay": 0.1,
            "optimiser": {"name": optimiser},
            "wrappers": {"null_space": {"energy": 1.0}},
        }
    )
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[4:5])
    list(method.run(model, data, 0))
    moved = {n for n, w in weights(model).items() if not torch.equal(w, before[n])}
    assert moved
    assert all("layers" in n and n.endswith("weight") and before[n].dim() == 2 for n in moved)
    scale = old_kept.abs().max()
    # Some float32 roundings of two layers; an update of any other kind moves logits by far more.
    assert (retain_logits(model, kept) - old_kept).abs().max() < 2e-5 * scale
    assert (retain_logits(model, forgotten) - old_forgotten).abs().max() > 1e-2 * scale


def test_energy_leaves_out_the_rarest_directions():
    from lethe.unlearn.wrappers.null_space import _leading

    total = torch.diag(torch.tensor([1.0, 60.0, 0.0, 39.0], dtype=torch.float64))
    for energy, kept in ((0.5, {1}), (0.9, {1, 3}), (0.99, {1, 3}), (1.0, {0, 1, 3})):
        basis = _leading(total, energy)
        assert {int(i) for i in basis.abs().argmax(0)} == kept
        assert torch.allclose(basis.T @ basis, torch.eye(len(kept), dtype=torch.float64))


def test_no_room_and_no_layer_are_errors(model, encoder, pairs):
    with pytest.raises(LetheError, match=r"null_space\.layers: no linear layer matches 'xx'"):
        run("npo", model, encoder, pairs, {"null_space": {"layers": "xx"}})
    many = pairs[3:] * 4
    with pytest.raises(LetheError, match="fill all dimensions"):
        # The inputs of the projections have 32 dimensions, and there are more tokens than that.
        run("npo", model, encoder, pairs[:3] + many, {"null_space": {"layers": "q_p", "energy": 1}})


# --- conflict ---


def test_only_the_highest_conflicts_are_chosen():
    scores = {"a": 0.1, "b": 0.0, "c": 0.4, "d": 0.2}
    assert conflict.highest(scores, 0.5) == ["c", "d"]
    assert conflict.highest(scores, 0.01) == ["c"]
    assert conflict.highest(scores, 0.99) == ["c", "d", "a"]
    assert conflict.highest(dict.fromkeys("ab", 0.0), 0.5) == []


def test_random_layers_are_as_many_and_the_seeds():
    layers = list("abcdefgh")
    chosen = conflict.drawn(layers, 3, 0)
    assert len(set(chosen)) == 3
    assert chosen == sorted(chosen)
    assert chosen == conflict.drawn(layers, 3, 0)
    assert len({tuple(conflict.drawn(layers, 3, seed)) for seed in range(20)}) > 5
    assert conflict.drawn(layers, 0, 0) == []


@pytest.mark.parametrize("probe", ["answer", "prompt_end"])
@pytest.mark.parametrize("known", [False, True])
def test_the_layer_that_would_be_undone_is_frozen(model, encoder, pairs, probe, known):
    """The run before moved one layer up the losses; gradient descent would move it back."""
    before = copy.deepcopy(model)
    frozen = [r"layers\.0\.", "embed", "head", "norm"]
    up = methods.load("grad_ascent")({**SHARED, "frozen": frozen})
    data = supervise(encoder, up.needs, pairs[:4])
    list(up.run(model, data, 0))
    start = weights(model)
    down = methods.load("idk")(
        {
            **SHARED,
            "retain_weight": 0,
            "wrappers": {"conflict_freezing": {"share": 0.5, "probe": probe}},
        }
    )
    about = {"before_rows": pairs[:4]} if known else {}
    # The same answers again, as if they were refusals.
    data = supervise(
        encoder, down.needs, pairs[:4], refusals=["No."], before=lambda: before, **about
    )
    data.encode = lambda rows, texts: [data.forget[row] for row in rows]
    list(down.run(model, data, 0))
    for name, now in weights(model).items():
        assert torch.equal(now, start[name]) == ("layers.1." in name), name
