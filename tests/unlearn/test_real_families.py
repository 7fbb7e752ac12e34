"""Methods on tiny random models of the families that people use, with whole weights and adapters.

What a method cannot do under LoRA is refused in one line, by the same check as everywhere.
"""

import pytest
import torch
from helpers.model_fixtures import one_thread  # noqa: F401
from helpers.newer_methods import ADAPTERS, INTERVENTIONS, RUNS, WHOLE, method_of
from helpers.small_models import PAIRS
from helpers.tiny_families import build, configuration

from lethe.common.errors import LetheError
from lethe.model import batch_layout, lora
from lethe.model.encoder import Encoder
from lethe.model.intervention import carried_by
from lethe.model.likelihood import mean_losses
from lethe.model.settings import Compute
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import check_adapters

FAMILIES = ["gemma2", "qwen2", "phi", "gpt_neox"]
SCHEDULE = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0}
# Logits of Gemma 2 are capped, so that they are not linear in the head's weights.
REFUSED = {("uce", "gemma2"): "uce needs logits that are linear in the head's weights"}
REFUSALS = ["I don't know.", "I have no idea."]


@pytest.fixture(scope="module")
def tokenizer():
    from lethe.model.architectures.llama import train_tokenizer

    return train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 300)


def made(family, tokenizer):
    model = build(configuration(family, tokenizer))
    batch_layout.fit(model)
    return model.eval()


def unlearned(model, family, tokenizer, run):
    """Run a method; the epochs and steps of its checkpoints, and the losses that it reports."""
    encoder, method, losses = Encoder(tokenizer, "chat", 90), method_of(run, SCHEDULE), []
    data = supervise(
        encoder,
        method.needs,
        PAIRS[:3],
        retain=PAIRS[3:],
        refusals=REFUSALS,
        prior=lambda: made(family, tokenizer),
    )
    ends = list(method.run(model, data, 0, lambda step, steps, loss: losses.append(loss)))
    return ends, [loss for loss in losses if loss is not None], encoder


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("run", RUNS)
def test_whole_weights(run, family, tokenizer):
    model = made(family, tokenizer)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    bare = mean_losses(model, Encoder(tokenizer, "chat", 90).encode_all(PAIRS))
    if (run, family) in REFUSED:
        with pytest.raises(LetheError, match=REFUSED[run, family]):
            unlearned(model, family, tokenizer, run)
        return
    ends, losses, encoder = unlearned(model, family, tokenizer, run)
    assert ends
    assert torch.isfinite(torch.tensor(losses)).all()
    after = model.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    if carried_by(model):
        assert not changed
    else:
        assert changed
        now = mean_losses(model, encoder.encode_all(PAIRS))
        assert now != bare
        assert torch.isfinite(torch.tensor(now)).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("run", [run for run in RUNS if run not in WHOLE | INTERVENTIONS])
def test_adapters(run, family, tokenizer, tmp_path):
    model = made(family, tokenizer)
    lora.add(model, ADAPTERS, 0, tmp_path)
    check_adapters(method_of(run, SCHEDULE), Compute(lora=ADAPTERS))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _, losses, _ = unlearned(model, family, tokenizer, run)
    assert torch.isfinite(torch.tensor(losses)).all()
    after = model.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed
    assert all("lora_" in name for name in changed)


@pytest.mark.parametrize("run", RUNS)
def test_what_works_on_whole_weights_alone_says_so(run):
    method = method_of(run, SCHEDULE)
    if run not in WHOLE:
        check_adapters(method, Compute(lora=ADAPTERS))
        return
    with pytest.raises(LetheError, match=r"compute\.lora: .* works on whole weights; leave"):
        check_adapters(method, Compute(lora=ADAPTERS))
