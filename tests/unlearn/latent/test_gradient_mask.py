"""Gradient masks against two passes of plain transformers, in float64, on families of all kinds."""

import copy

import pytest
import torch
from helpers.family_outcomes import tokenizer as family_tokenizer
from helpers.small_models import FAMILIES, distance, gradients, make_family, plain
from helpers.split_passes import split_nll
from helpers.tiny_families import build, configuration

from lethe.common.errors import LetheError
from lethe.model import lora
from lethe.model.attention import use_packing
from lethe.model.batch import pack
from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.padded_batch import padded
from lethe.model.prompt_cache import response_tokens
from lethe.unlearn.latent import gradient_mask
from lethe.unlearn.latent.gradient_mask import masked

# Weights are float64, but norms, rotations and losses of the families are computed in float32.
EXACT = 5e-6
# Beside those of ``small_models``: tied embeddings, norms of queries and keys, joined projections,
# experts, biases, learned positions.
OTHERS = ["gemma", "gemma3_text", "qwen3", "phi3", "mixtral", "gpt2", "olmo2"]


def family(name, tokenizer):
    """A packed model in float64, and texts of its tokens."""
    if name in FAMILIES:
        return make_family(name, tokenizer).double()
    model = build(configuration(name, family_tokenizer())).double()
    if name == "mixtral":
        # The usual product of groups knows no float64.
        model.set_experts_implementation("eager")
    use_packing(model)
    return model


@pytest.fixture(params=[*FAMILIES, *OTHERS])
def any_model(request, tokenizer):
    return family(request.param, tokenizer)


@pytest.fixture
def rows():
    """Token ids without a template; prompts of several lengths."""
    draw = torch.Generator().manual_seed(0)
    lengths = [(5, 4), (1, 6), (9, 1), (2, 3)]
    return [
        Example(tuple(torch.randint(3, 200, (p + a,), generator=draw).tolist()), p)
        for p, a in lengths
    ]


def loss(model, batch, boundary="response", attention=True, constants=None):
    response = response_tokens(batch, last_prompt_token=boundary == "response")
    axes = gradient_mask.verify(model, Example((5, 6, 7), 1), "lira")
    with masked(model, batch, response, attention, axes, constants) as own:
        return Forward(model).answers(own).mean_nll()


def expected(model, rows, boundary="response", attention=True, constants=None):
    other = plain(model)
    parts = [
        split_nll(other, row, row.start - (boundary == "response"), attention, constants)
        for row in rows
    ]
    return gradients(other, torch.cat(parts).mean())


def without_zeros(found):
    return {name: g for name, g in found.items() if bool((g != 0).any())}


@pytest.mark.parametrize("boundary", ["response", "prompt"])
@pytest.mark.parametrize("attention", [True, False])
def test_gradients_are_those_of_two_passes(any_model, rows, boundary, attention):
    found = gradients(any_model, loss(any_model, pack(rows), boundary, attention))
    wanted = expected(any_model, rows, boundary, attention)
    assert without_zeros(found).keys() == without_zeros(wanted).keys()
    names = without_zeros(wanted)
    assert len(names) > 5
    assert distance({n: found[n] for n in names}, names) < EXACT


def test_the_two_operators_and_plain_training_differ(any_model, rows):
    batch = pack(rows)
    whole = gradients(any_model, Forward(any_model).answers(batch).mean_nll())
    found = [gradients(any_model, loss(any_model, batch, attention=a)) for a in (True, False)]
    for one, other in [(found[0], found[1]), (found[0], whole), (found[1], whole)]:
        assert max(float((one.get(n, 0) - g).norm() / g.norm()) for n, g in other.items()) > 0.01


@pytest.mark.parametrize("name", ["qwen3", "gemma3_text"])
def test_as_many_tokens_as_heads(name, tokenizer, rows):
    """Then a norm of queries has two dimensions of that size; tokens are on the first or second."""
    model = family(name, tokenizer)
    assert model.config.num_attention_heads == 4
    short = [Example(rows[0].ids[:5], 3)]
    found = gradients(model, loss(model, pack(short)))
    wanted = without_zeros(expected(model, short))
    assert distance({n: found[n] for n in wanted}, wanted) < EXACT
    response = response_tokens(pack(short), last_prompt_token=True)
    with (
        masked(model, pack(short), response, attention=True) as own,
        pytest.raises(LetheError, match=r"q_norm puts out \[1, 4, 4, 8\]"),
    ):
        Forward(model).answers(own)


@pytest.mark.parametrize("attention", [True, False])
def test_an_empty_prompt_gives_no_gradient_at_all(any_model, rows, attention):
    """Output head and tied embeddings included: not small, but 0."""
    batch = pack([Example(row.ids, 1) for row in rows])
    found = gradients(any_model, loss(any_model, batch, attention=attention))
    assert without_zeros(found) == {}


def test_the_forward_pass_is_the_same_to_the_bit(any_model, rows):
    batch = pack(rows)
    for model in (any_model, any_model.float()):
        before = Forward(model).answers(batch).logits
        response = response_tokens(batch, last_prompt_token=True)
        with masked(model, batch, response, attention=True) as own:
            assert torch.equal(Forward(model).answers(own).logits, before)
        with torch.no_grad(), masked(model, batch, response, attention=True) as own:
            assert torch.equal(Forward(model).answers(own).logits, before)
        assert torch.equal(Forward(model).answers(batch).logits, before)


def test_the_head_has_no_gradient_but_what_the_last_prompt_token_gives(model, rows):
    found = {
        boundary: gradients(model, loss(model, pack(rows), boundary))["lm_head.weight"]
        for boundary in ("response", "prompt")
    }
    assert not found["response"].any()
    assert found["prompt"].any()


def test_tied_embeddings_have_what_prompt_tokens_give_them(tokenizer, rows):
    """Only rows of the prompt's tokens; the head would give all of them one."""
    model = family("gemma", tokenizer)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    found = gradients(model, loss(model, pack(rows)))["model.embed_tokens.weight"]
    seen = {token for row in rows for token in row.ids[: row.start - 1]}
    assert set(found.abs().sum(1).nonzero().squeeze(1).tolist()) == seen


@pytest.mark.parametrize("attention", [True, False])
def test_a_frozen_responder_is_the_start_model(any_model, rows, attention):
    """Of a model that has moved, the start's weights at response tokens."""
    start = copy.deepcopy(any_model)
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in any_model.parameters():
            p.add_(0.02 * torch.empty(p.shape).normal_(generator=draw).to(p))
    own = dict(start.named_parameters(remove_duplicate=False))
    value = loss(any_model, pack(rows), attention=attention, constants=own)
    constants = dict(start.named_parameters())
    wanted = torch.cat(
        [split_nll(plain(any_model), r, r.start - 1, attention, constants) for r in rows]
    ).mean()
    assert value.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert value.item() != pytest.approx(loss(any_model, pack(rows)).item(), rel=1e-6)
    found = without_zeros(gradients(any_model, value))
    wanted = expected(any_model, rows, attention=attention, constants=constants)
    assert distance(found, without_zeros(wanted)) < EXACT


def test_adapters_are_masked_as_weights_are(model, rows):
    model = model.double()
    settings = {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": "all-linear"}
    lora.add(model, settings, 0, "start")
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(std=0.1, generator=draw)
    found = gradients(model, loss(model, pack(rows)))
    assert found.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    wanted = expected(model, rows)
    names = without_zeros(wanted)
    assert without_zeros(found).keys() == names.keys()
    assert distance(without_zeros(found), names) < EXACT
    gradient_mask.verify(model, rows[0], "lira")


def test_master_weights_compute_in_their_dtype(model, rows):
    """Under autocast: the bits of a plain pass, and gradients close to those in float32."""
    exact = gradients(model, loss(model, pack(rows)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = Forward(model).answers(pack(rows)).logits
        response = response_tokens(pack(rows), last_prompt_token=True)
        with masked(model, pack(rows), response, attention=True) as own:
            answers = Forward(model).answers(own)
        assert torch.equal(answers.logits, before)
        value = answers.mean_nll()
    found = gradients(model, value)
    assert all(g.dtype == torch.float32 for g in found.values())
    assert distance(without_zeros(found), without_zeros(exact)) < 0.1


def test_which_tokens_belong_to_the_response(rows):
    for batch, ends in ((pack(rows), 1), (padded(rows, [0, 1, 2, 3], 0), 0)):
        longest = max(map(len, rows))
        for last in (True, False):
            wanted = []
            for row in rows:
                length = len(row) - 1 if ends else longest
                wanted += [place >= row.start - last for place in range(length)]
            assert response_tokens(batch, last_prompt_token=last).tolist() == wanted


# --- refusals ---


def test_a_family_that_is_not_packed_is_refused():
    from lethe.model import attached
    from lethe.model.token_mixing import Mixing

    model = build(configuration("falcon", family_tokenizer()))
    attached.update_model(model, mixing=Mixing("padded"))
    with pytest.raises(LetheError, match=r"^lira needs .*FalconForCausalLM.*choose") as error:
        gradient_mask.check(model, "lira")
    assert "\n" not in str(error.value)


def test_recomputed_activations_are_refused(model):
    model.gradient_checkpointing_enable({"use_reentrant": False})
    with pytest.raises(LetheError, match=r"^lira masks .*gradient_checkpointing to false"):
        gradient_mask.check(model, "lira")


def test_a_parameter_that_no_mask_reaches_is_found(model, rows):
    """A family whose head is not called as a module."""
    gradient_mask.verify(model, rows[0], "lira")

    class Head(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, states):
            return states @ self.inner.weight.T

    model.set_output_embeddings(Head(model.lm_head))
    with pytest.raises(LetheError, match=r"^lira cannot mask the gradient of lm_head"):
        gradient_mask.verify(model, rows[0], "lira")


def test_parameters_beside_those_of_parts_are_refused(model):
    model.model.layers[0].mlp.register_parameter("scale", torch.nn.Parameter(torch.ones(1)))
    with pytest.raises(LetheError, match=r"model.layers.0.mlp of LlamaForCausalLM"):
        gradient_mask.check(model, "lira")
