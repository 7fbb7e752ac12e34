"""LIRA, AdLIRA and latent adversarial training against plain passes of transformers, in float64."""

import copy
import dataclasses

import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, distance, gradients, make_family, plain
from helpers.split_passes import split_nll
from helpers.steps import FORGET, RETAIN
from helpers.tiny_families import build, configuration

from lethe.common.errors import LetheError
from lethe.model import lora
from lethe.model.attention import use_packing
from lethe.model.batch import pack
from lethe.model.forward import Forward, decoder_layers
from lethe.model.prompt_cache import recorded, with_cache
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.latent import attack
from lethe.unlearn.supervision import supervise

# Norms, rotations and losses are computed in float32.
EXACT = 5e-6


@pytest.fixture
def model(tokenizer):
    return make_family("llama", tokenizer).double()


def made(name, model, examples, **settings):
    method = methods.load(name)({"batch_size": 3, **settings}, name)
    method.prepare(model, type("Data", (), {"forget": examples}), 0)
    return method


def split_mean(model, rows, attention, prompt=-1, constants=None):
    parts = [split_nll(model, row, row.start + prompt, attention, constants) for row in rows]
    return torch.cat(parts).mean()


def nonzero(found):
    return {name: g for name, g in found.items() if bool((g != 0).any())}


@pytest.mark.parametrize(
    ("settings", "on_refusals", "prompt"),
    [({}, True, -1), ({"mask": "dagger"}, False, -1), ({"boundary": "prompt"}, True, 0)],
)
def test_refusals_have_one_operator_and_retain_rows_the_other(
    settings, on_refusals, prompt, model, step, examples, others
):
    method = made("lira", model, examples, forget_weight=2.0, retain_weight=0.7, **settings)
    value = method.loss(Forward(model), step, Reference())
    found = nonzero(gradients(model, value))
    other = plain(model)
    retain = [examples[i] for i in RETAIN]
    wanted = 2 * split_mean(other, others, on_refusals, prompt)
    wanted = wanted + 0.7 * split_mean(other, retain, False, prompt)
    assert value.item() == pytest.approx(wanted.item(), rel=CLOSE)
    wanted = nonzero(gradients(other, wanted))
    assert found.keys() == wanted.keys()
    assert distance(found, wanted) < EXACT


def test_the_loss_is_that_of_plain_refusals(model, step, examples):
    """The same value with every mask, and without one the same gradient."""
    losses = {
        mask: made("lira", model, examples, mask=mask).loss(Forward(model), step, Reference())
        for mask in ("sag", "dagger", "none")
    }
    plainly = made("idk", model, examples, one_mean=False)
    wanted = plainly.loss(Forward(model), step, Reference())
    assert all(torch.equal(value, wanted) for value in losses.values())
    by_idk = gradients(model, wanted)
    found = {mask: gradients(model, value) for mask, value in losses.items()}
    assert all(torch.equal(g, by_idk[n]) for n, g in found["none"].items())
    head = "lm_head.weight"
    assert by_idk[head].any()
    assert not found["sag"][head].any()
    assert not found["dagger"][head].any()


def test_a_frozen_responder_answers_as_the_start(model, step, examples, others):
    start = copy.deepcopy(model)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.05)
    method = made("lira", model, examples, responder="start", retain_weight=0)
    assert "reference_model" in method.needs
    value = method.loss(Forward(model), step, Reference(frozen=Forward(start)))
    constants = dict(start.named_parameters())
    wanted = split_mean(plain(model), others, True, constants=constants)
    assert value.item() == pytest.approx(wanted.item(), rel=CLOSE)
    with pytest.raises(LetheError, match=r"^lira\.responder: start needs a mask"):
        methods.load("lira")({"responder": "start", "mask": "none"}, "lira")


def shifting(model, layer, rows, values):
    """Adds each row's shift to a layer's output at its prompt, whatever parts it is read in."""
    at = {"row": 0, "place": 0}

    def add(module, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        row, begun = rows[at["row"]], at["place"]
        own = values[at["row"], : row.start].to(hidden)[begun : begun + hidden.shape[1]]
        padding = own.new_zeros(hidden.shape[1] - len(own), own.shape[1])
        at["place"] += hidden.shape[1]
        if at["place"] == len(row) - 1:
            at.update(row=at["row"] + 1, place=0)
        new = hidden + torch.cat([own, padding])[None]
        return (new, *output[1:]) if isinstance(output, tuple) else new

    return decoder_layers(model)[layer].register_forward_hook(add)


@pytest.mark.parametrize("layer", [0, 1])
def test_adlira_is_lira_under_the_attack(layer, model, step, examples, others):
    settings = {"attack_layer": layer, "attack_steps": 2, "radius": 0.4}
    method = made("adlira", model, examples, retain_weight=0, **settings)
    value = method.loss(Forward(model), step, Reference())
    found = nonzero(gradients(model, value))
    shift = attack.find(model, step.forget, method.settings)
    assert shift.values.any()
    other = plain(model)
    hook = shifting(other, layer, others, shift.values)
    wanted = split_mean(other, others, True)
    hook.remove()
    assert value.item() == pytest.approx(wanted.item(), rel=CLOSE)
    calm = made("lira", model, examples, retain_weight=0).loss(Forward(model), step, Reference())
    assert value.item() != pytest.approx(calm.item(), rel=1e-4)
    wanted = nonzero(gradients(other, wanted))
    assert found.keys() == wanted.keys()
    assert distance(found, wanted) < 10 * EXACT


def test_latent_adversarial_training_shifts_what_is_forgotten_alone(model, step, examples):
    settings = {"attack_layer": 0, "attack_steps": 2, "radius": 0.4}
    method = methods.load("grad_diff")({"wrappers": {"lat": settings}})
    value = method.objective(Forward(model), step, Reference())
    shift = attack.find(model, step.forget, method.wrappers[0].settings)
    other = plain(model)
    rows = [examples[i] for i in FORGET]
    hook = shifting(other, 0, rows, shift.values)
    forget = split_mean_whole(other, rows)
    hook.remove()
    wanted = -forget + split_mean_whole(other, [examples[i] for i in RETAIN])
    assert value.item() == pytest.approx(wanted.item(), rel=CLOSE)
    assert distance(gradients(model, value), gradients(other, wanted)) < 10 * EXACT


def split_mean_whole(model, rows):
    """The mean loss without masks, of one row at a time without its last token."""
    losses = []
    for row in rows:
        logits = model(input_ids=torch.tensor([row.ids[:-1]])).logits[0]
        labels = torch.tensor(row.ids[row.start :])
        losses.append(
            torch.nn.functional.cross_entropy(logits[row.start - 1 :], labels, reduction="none")
        )
    return torch.cat(losses).mean()


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("lira", {"gradient": {"name": "zeroth"}}, r"^lira\.gradient"),
        ("lira", {"open_unlearning": True}, r"^lira\.open_unlearning"),
        ("lira", {"mask": "half"}, r"^lira\.mask"),
        ("adlira", {"radius": 0}, r"^adlira\.radius"),
        (
            "npo",
            {"gradient": {"name": "zeroth"}, "wrappers": {"lat": {}}},
            r"^npo\.wrappers\.lat: needs exact gradients; set gradient to backpropagation",
        ),
        (
            "npo_retain",
            {"wrappers": {"sam": {}, "lat": {}}},
            r"^npo_retain\.wrappers\.lat: sam differentiates the terms without the attack",
        ),
    ],
)
def test_what_cannot_be_right_is_one_line(name, settings, line):
    with pytest.raises(LetheError, match=line) as error:
        methods.load(name)(settings, name)
    assert "\n" not in str(error.value)


def test_shards_are_refused_and_adapters_are_not():
    from lethe.model import fsdp
    from lethe.unlearn.method import whole_weights

    for name, settings in (("lira", {}), ("adlira", {}), ("npo", {"wrappers": {"lat": {}}})):
        method = methods.load(name)(settings, name)
        with pytest.raises(LetheError, match=rf"{name}.*needs whole weights"):
            fsdp.check("full", 2, {name: method}, [])
        assert whole_weights(method, name) is None


@pytest.mark.parametrize("name", ["lira", "adlira"])
def test_recomputed_activations_are_refused_before_the_first_step(name, model, examples):
    model.activation_checkpointing_enable({"use_reentrant": False})
    with pytest.raises(LetheError, match=rf"^{name} masks .*set gradient_checkpointing to false"):
        made(name, model, examples)
    made(name, model, examples, mask="none")


def test_the_starts_prompt_cache_brings_the_answers_back(tokenizer, encoder, pairs):
    """The mechanism, on a model that has learned its rows: only reading has changed."""
    full = make_family("llama", tokenizer)
    rows = encoder.encode_all(pairs)
    fit(full, rows, Schedule(epochs=60, lr=3e-3, batch_size=7, warmup_epochs=1), 0)
    batch = pack(rows[:4])
    found = {}
    for mask in ("sag", "none"):
        model = copy.deepcopy(full)
        method = methods.load("lira")(
            {"mask": mask, "epochs": 30, "lr": 1e-3, "batch_size": 4, "retain_weight": 0}
        )
        data = supervise(encoder, method.needs, pairs[:4], refusals=["I have no idea."])
        list(method.run(model, data, 0))
        with torch.no_grad():
            cached = with_cache(batch, recorded(full, batch))
            losses = (Forward(model).answers(b).mean_nll().item() for b in (batch, cached))
            found[mask] = tuple(losses)
    with torch.no_grad():
        known = Forward(full).answers(batch).mean_nll().item()
    forgotten, restored = found["sag"]
    assert known < 0.3
    assert forgotten > known + 1
    assert restored - known < 0.2 * (forgotten - known)
    # Where refusals were written into all weights, less comes back.
    forgotten, restored_less = found["none"]
    assert forgotten > known + 1
    assert restored_less - known > 2 * (restored - known)


PACKED = ["gemma", "qwen3", "phi3", "gpt_neox", "mixtral", "phi", "qwen2"]
# Weight decay moves weights that have no gradient.
SHORT = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "weight_decay": 0}
RUNS = {
    "lira": ("lira", {}),
    "adlira": ("adlira", {"attack_steps": 2}),
    "lat": ("npo_retain", {"wrappers": {"lat": {"attack_steps": 2}}}),
}


def one_step(name, model, step, examples, **settings):
    method, own = RUNS[name]
    method = made(method, model, examples, **own, **settings)
    reference = Reference(forget_nll=torch.full((7,), 20.0))
    return method.objective(Forward(model), step, reference)


@pytest.mark.parametrize("name", RUNS)
def test_a_step_in_parts_is_the_whole_step(name, model, step, examples, others):
    """Each row's shift is its own, and totals are the step's."""
    whole = gradients(model, one_step(name, model, step, examples))
    parts = []
    for rows in ([0], [1, 2]):
        own = Step(
            pack([examples[FORGET[i]] for i in rows], [FORGET[i] for i in rows]),
            pack([examples[RETAIN[i]] for i in rows], [RETAIN[i] for i in rows]),
            pack([others[i] for i in rows], rows),
        )
        for kind in ("forget", "retain", "alternate"):
            batch, total = getattr(own, kind), getattr(step, kind)
            totals = {key: getattr(total, key) for key in ("rows_total", "tokens_total")}
            setattr(own, kind, dataclasses.replace(batch, **totals))
        parts.append(gradients(model, one_step(name, model, own, examples)))
    found = {n: sum(part[n] for part in parts if n in part) for n in whole}
    assert distance(found, whole) < 1e-3


@pytest.mark.parametrize(
    "family", ["gemma", "qwen3", "phi3", "gpt_neox", "mixtral", "phi", "qwen2"]
)
@pytest.mark.parametrize("name", RUNS)
def test_every_packed_family_is_trained(name, family, tokenizer, encoder, pairs):
    if family in FAMILIES:
        model = make_family(family, tokenizer)
    else:
        model = build(configuration(family, tokenizer))
        use_packing(model)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    method, own = RUNS[name]
    method = methods.load(method)({**SHORT, **own}, name)
    refusals = ["I have no idea."]
    data = supervise(encoder, method.needs, pairs[:4], retain=pairs[3:], refusals=refusals)
    assert len(list(method.run(model, data, 0))) == 2
    after = dict(model.named_parameters())
    assert all(torch.isfinite(p).all() for p in after.values())
    moved = {n for n, p in after.items() if not torch.equal(p, before[n])}
    assert len(moved) > 5
    if name != "lat" and family in ("qwen3", "phi3", "gpt_neox", "phi", "qwen2"):
        assert not moved & {"lm_head.weight", "embed_out.weight"}


@pytest.mark.parametrize("name", RUNS)
def test_adapters_are_trained(name, tokenizer, encoder, pairs):
    """By masked gradients as well: only adapters move."""
    model = make_family("llama", tokenizer)
    lora.add(model, {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": "all-linear"}, 0, "start")
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    method, own = RUNS[name]
    method = methods.load(method)({**SHORT, **own}, name)
    refusals = ["I have no idea."]
    data = supervise(encoder, method.needs, pairs[:4], retain=pairs[3:], refusals=refusals)
    assert len(list(method.run(model, data, 0))) == 2
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved
    assert all("lora_" in n for n in moved)
