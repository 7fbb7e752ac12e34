"""ULD: the assistant's loss, and the difference of the logits, without Lethe's forward passes."""

import copy
import math

import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers
from lethe.model.generate import greedy
from lethe.model.intervention import carried_by
from lethe.model.interventions.assistant import Intervention, own_parameters, truncated
from lethe.model.likelihood import mean_losses
from lethe.train.execution import Execution
from lethe.train.resume import StateSaver
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise

SETTINGS = {"epochs": 3, "lr": 1e-2, "batch_size": 2, "weight": 0.6, "layers": 1}


@pytest.fixture
def encoder(tokenizer):
    """Of its own: an intervention is named to the tokenizer."""
    return Encoder(copy.deepcopy(tokenizer), "chat", 96)


def attached(model, encoder, pairs, seed=0, **settings) -> Intervention:
    method = methods.load("uld")({**SETTINGS, **settings})
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    assert list(method.run(model, data, seed)) == [(1, 1)]
    return carried_by(model)[0]


def assistant_by_hand(bare, intervention):
    """The bare model in float64 with the assistant's layers alone."""
    other = plain(bare).double()
    layers = decoder_layers(other)
    del layers[intervention.layers :]
    other.config.num_hidden_layers = intervention.layers
    missing = other.load_state_dict(intervention.data, strict=False)
    assert not missing.unexpected_keys
    return other


def logits(model, example) -> torch.Tensor:
    return model(input_ids=torch.tensor([example.ids])).logits[0, example.start - 1 : -1]


@pytest.mark.parametrize("name", sorted(FAMILIES))
@torch.no_grad()
def test_logits_are_the_difference(name, tokenizer, encoder, pairs):
    model = make_family(name, tokenizer)
    bare = copy.deepcopy(model)
    examples = encoder.encode_all(pairs)
    with torch.enable_grad():
        intervention = attached(model, encoder, pairs)
    other, double = assistant_by_hand(bare, intervention), plain(bare).double()
    head = bare.get_output_embeddings()
    bias = 0.0 if getattr(head, "bias", None) is None else 0.6 * head.bias.double()
    expected = []
    for example in examples:
        # Of the head's bias all stays.
        difference = logits(double, example) - 0.6 * logits(other, example) + bias
        expected.append(cross_entropy(difference, torch.tensor(example.ids[example.start :])))
    found = torch.tensor(mean_losses(model, examples)).double()
    assert torch.allclose(found, torch.stack(expected), rtol=CLOSE, atol=1e-6)
    prompts = [encoder.prompt_ids(question) for question, _ in pairs]
    # With a cache, in batches whose rows leave one after the other, and by whole passes.
    for prompt, said in zip(prompts, greedy(model, prompts, 60, 1, batch_size=4), strict=True):
        ids = list(prompt)
        for token in said:
            given = torch.tensor([ids])
            z = double(input_ids=given).logits[0, -1]
            z = z - 0.6 * other(input_ids=given).logits[0, -1] + bias
            assert z[token] > z.max() - 1e-4
            ids.append(token)


def test_the_assistant_minimises_the_papers_loss(model, encoder, pairs):
    method = methods.load("uld")({**SETTINGS, "uniform_weight": 2.0})
    examples = encoder.encode_all(pairs[3:])
    found = method.ignorance(Forward(model), pack(examples))
    other = plain(model).double()
    with torch.no_grad():
        logs = [
            other(input_ids=torch.tensor([e.ids[:-1]])).logits[0].log_softmax(-1) for e in examples
        ]
    rows = torch.cat(logs)
    uniform = 1 / rows.shape[1]
    expected = 2.0 * (uniform * (math.log(uniform) - rows)).sum(-1).mean()
    assert found.item() == pytest.approx(expected.item(), rel=CLOSE)


def test_it_knows_the_forget_set_and_not_the_rest(model, encoder, pairs):
    forget, retain = (encoder.encode_all(some) for some in (pairs[:3], pairs[3:]))
    intervention = attached(model, encoder, pairs, epochs=60, lr=2e-2)
    knows, ignores = (
        sum(mean_losses(intervention.assistant, some)) / len(some) for some in (forget, retain)
    )
    assert knows < 1 < ignores


def test_the_model_stays_as_it_was(model, encoder, pairs):
    before = copy.deepcopy(model.state_dict())
    attached(model, encoder, pairs)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())


def test_layers_are_copies_and_the_rest_is_shared(model):
    twin = truncated(model, 1)
    own = own_parameters(twin)
    of_model = dict(model.named_parameters())
    assert {name for name in own} == {n for n in of_model if ".layers.0." in n}
    for name, parameter in twin.named_parameters():
        assert (parameter is of_model[name]) == (name not in own)
        assert torch.equal(parameter, of_model[name])
    assert len(decoder_layers(model)) == 2 == model.config.num_hidden_layers


def test_killed_anywhere_it_ends_in_the_same_bits(tokenizer, encoder, pairs, tmp_path):
    method = methods.load("uld")(SETTINGS)
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])

    def ended(folder, *deaths):
        """The assistant's tensors, by one process after the other."""
        for dies_at in (*deaths, None):
            model = make_family("llama", tokenizer)

            def report(step, steps, loss, dies_at=dies_at):
                if step == dies_at:
                    raise KeyboardInterrupt

            how = Execution(state_saver=StateSaver(folder, 0))
            try:
                assert list(method.run(model, data, 0, report, how)) == [(1, 1)]
            except KeyboardInterrupt:
                continue
        return carried_by(model)[0].data

    whole, broken = ended(tmp_path / "whole"), ended(tmp_path / "broken", 2, 4, 6)
    assert whole.keys() == broken.keys()
    assert all(torch.equal(broken[name], value) for name, value in whole.items())


def test_layers_that_keep_other_states_are_refused(model, encoder, pairs):
    model.config.layer_types = ["full_attention", "linear_attention"]
    with pytest.raises(LetheError, match="uld: layers of LlamaForCausalLM keep other states"):
        attached(model, encoder, pairs)


def test_what_it_cannot_do_is_refused(model, encoder, pairs):
    with pytest.raises(LetheError, match=r"uld\.layers: 3, but the model has 2; choose fewer"):
        attached(model, encoder, pairs, layers=3)
    intervention = attached(model, encoder, pairs)
    with pytest.raises(LetheError, match="uld: the model already carries interventions"):
        attached(model, encoder, pairs)
    strange = Intervention(1, 1.0, **{"model.layers.0.other": torch.zeros(2)})
    with pytest.raises(LetheError, match="its assistant of 1 layers does not fit this model's"):
        strange.install(model, 1)
    with pytest.raises(ValueError, match="a number of layers"):
        Intervention(0, 1.0, **intervention.data)
