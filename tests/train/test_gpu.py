"""On a real GPU: the numbers of the CPU, the same bits each time, and every method.

.venv/bin/pytest -m gpu
"""

import copy
from functools import partial

import pytest
import torch
from helpers.killed_runs import RUNS, Killed, Run
from helpers.packed_models import loss_of, results
from helpers.small_models import FAMILIES, distance, gradients, make_family

from lethe.common.errors import LetheError
from lethe.common.torch_setup import set_up
from lethe.model import attached, attention, checkpoint, cuda_graphs, precision
from lethe.model.attention import use_packing
from lethe.model.background_saving import BackgroundSaver
from lethe.model.batch import pack, to_device
from lethe.model.cost import Meter
from lethe.model.forward import Forward, packed_states
from lethe.model.generate import greedy
from lethe.model.settings import Compute
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.settings import Schedule

# CUDA sums in another order than the CPU, in the same 24 bits.
NEAR = 1e-4
# bfloat16 carries 8 bits: an operation is wrong by up to 0.4%, a gradient passes dozens, and 0.06
# was seen. A wrong mask or scale is wrong by 1.
COARSE = 0.1


@pytest.fixture(autouse=True)
def deterministic():
    """What a job of the workflow sets, with the rule that a kernel without order is an error."""
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    before = torch.get_deterministic_debug_mode()
    set_up(1, "cuda")
    yield
    torch.set_deterministic_debug_mode(before)


pytestmark = pytest.mark.gpu


def on_gpu(model, dtype: torch.dtype = torch.float32, kind: str = "sdpa"):
    """The same model there."""
    model = model.to("cuda", dtype)
    use_packing(model, kind)
    return model


@pytest.mark.parametrize("kind", ["sdpa", "eager"])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_numbers_of_the_cpu(name, kind, tokenizer, examples):
    wanted = results(make_family(name, tokenizer), examples)
    found = results(on_gpu(make_family(name, tokenizer), kind=kind), examples)
    assert distance({n: g.cpu() for n, g in found[0].items()}, wanted[0]) < NEAR
    assert torch.allclose(found[1], wanted[1], rtol=NEAR)
    assert found[2] == wanted[2]


@pytest.mark.parametrize("kind", ["sdpa", "flash"])
@pytest.mark.parametrize("name", ["llama", "llama_gqa", "qwen2"])
def test_bfloat16_is_near(name, kind, tokenizer, examples):
    model = make_family(name, tokenizer)
    wanted = gradients(model, loss_of(model, examples))
    model = on_gpu(make_family(name, tokenizer), torch.bfloat16, kind)
    found = {n: g.cpu().float() for n, g in gradients(model, loss_of(model, examples)).items()}
    assert distance(found, wanted) < COARSE


@pytest.mark.parametrize("groups", [4, 2])
@pytest.mark.parametrize("window", [None, 4])
def test_flash_kernel_computes_what_sdpa_does(window, groups, tokenizer, examples):
    batch = to_device(pack(examples), "cuda")
    draw = torch.Generator("cuda").manual_seed(0)
    sizes = [(1, heads, batch.ids.shape[1], 64) for heads in (4, groups, groups)]
    given = [torch.randn(size, generator=draw, device="cuda").bfloat16() for size in sizes]
    module = make_family("llama", tokenizer).get_decoder().layers[0]
    module.num_key_value_groups = 4 // groups
    settings = {"packing": batch.packing, "sliding_window": window, "scaling": 0.3}
    told = attention.kernel_settings("flash")
    outs = []
    for kind in ("sdpa", "flash"):
        rows = [tensor.clone().requires_grad_() for tensor in given]
        chosen = told if kind == "flash" else {"kind": kind}
        out, _ = attention.packed_attention(module, *rows, None, **chosen, **settings)
        out.float().square().sum().backward()
        outs.append([out, *(row.grad for row in rows)])
    for flash, sdpa in zip(outs[1], outs[0], strict=True):
        assert torch.norm(flash.float() - sdpa.float()) < COARSE * torch.norm(sdpa.float())


@pytest.mark.parametrize("attention", ["sdpa", "flash"])
@pytest.mark.parametrize("lora", [None, {"rank": 4, "alpha": 8}])
def test_training_in_bfloat16_with_all_that_saves_memory(attention, lora, tokenizer, examples):
    """Learns, and gives the same bits twice."""
    compute = Compute(dtype="bfloat16", gradient_checkpointing=True, lora=lora)
    ends, losses = [], []
    for _ in range(2):
        model = on_gpu(make_family("llama_gqa", tokenizer), torch.bfloat16, attention)
        precision.prepare(model, compute.training("finetune"), 0, "base")
        schedule = Schedule(epochs=8, lr=5e-3, batch_size=4, warmup_epochs=0)
        fit(model, examples, schedule, 0, lambda *report: losses.append(report[2]))
        ends.append(torch.cat([p.detach().float().flatten() for p in model.parameters()]).cpu())
    assert torch.equal(*ends)
    # Adapters of rank 4 alone learn less.
    assert losses[-1] < losses[0] * (0.5 if lora is None else 0.9)


@pytest.fixture
def graphs(monkeypatch):
    """Passes from CUDA graphs however few the steps are; returns those of each training."""
    made, choose = [], cuda_graphs.choose

    def noted(model, *given):
        attached.update_model(model, cuda_graphs=True)
        made.append(choose(model, *given))
        return made[-1]

    monkeypatch.setattr(cuda_graphs, "STEPS", 1)
    monkeypatch.setattr(cuda_graphs, "choose", noted)
    return made


def trained(model, examples, budget=None) -> tuple[list[float], torch.Tensor]:
    losses: list[float] = []
    schedule = Schedule(epochs=6, lr=5e-3, batch_size=4, warmup_epochs=0)
    fit(model, examples, schedule, 0, lambda *r: losses.append(r[2]), Execution(budget))
    return losses, torch.cat([p.detach().float().flatten() for p in model.parameters()]).cpu()


@pytest.mark.parametrize("kind", ["sdpa", "eager"])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_recorded_passes_train_as_others_do(name, kind, tokenizer, examples, graphs, monkeypatch):
    """Near what they do without, and to the bit as in another run; also of batches in parts."""
    model = on_gpu(make_family(name, tokenizer), kind=kind)
    found = [trained(copy.deepcopy(model), examples, budget=b) for b in (None, None, 60)]
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])
    assert all(any(graph.recordings.values()) for graph in graphs)
    monkeypatch.setattr(cuda_graphs, "STEPS", 1000)
    plain = trained(model, examples)
    assert graphs[-1] is None
    for losses, _ in found:
        assert losses == pytest.approx(plain[0], rel=1e-3)


@pytest.mark.parametrize("attention", ["sdpa", "flash"])
@pytest.mark.parametrize("lora", [None, {"rank": 4, "alpha": 8}])
def test_recorded_passes_in_bfloat16(attention, lora, tokenizer, examples, graphs):
    ends = []
    for _ in range(2):
        model = on_gpu(make_family("llama_gqa", tokenizer), torch.bfloat16, attention)
        compute = Compute(dtype="bfloat16", lora=lora)
        precision.prepare(model, compute.training("finetune"), 0, "base")
        losses, weights = trained(model, examples)
        assert losses[-1] < losses[0]
        ends.append(weights)
    assert torch.equal(*ends)
    assert all(any(graph.recordings.values()) for graph in graphs)


@pytest.mark.parametrize("recorded", [True, False])
def test_compiled_layers_train_as_others_do(recorded, tokenizer, examples, graphs, monkeypatch):
    """Near what they do without, and to the bit as in another run; also in recorded passes."""
    if not recorded:
        monkeypatch.setattr(cuda_graphs, "STEPS", 1000)
    found = {}
    for run, compiled in enumerate((False, True, True)):
        model = on_gpu(make_family("llama_gqa", tokenizer), torch.bfloat16, "flash")
        precision.prepare(model, Compute(dtype="bfloat16").training("finetune"), 0, "base")
        attached.update_model(model, compile=compiled)
        found[run] = trained(model, examples)
        assert (model.get_decoder().layers[0]._compiled_call_impl is not None) == compiled
        if recorded:
            assert any(map(len, graphs[-1].recordings.values()))
    assert found[1][0] == found[2][0]
    assert torch.equal(found[1][1], found[2][1])
    assert found[1][0] == pytest.approx(found[0][0], rel=COARSE)


def test_what_cannot_be_recorded_is_not(tokenizer, examples, graphs):
    model = on_gpu(make_family("llama", tokenizer))
    model.activation_checkpointing_enable({"use_reentrant": False})
    trained(model, examples)
    assert graphs == [None]


def test_gradients_of_a_pass_are_taken_once(tokenizer, examples):
    model = on_gpu(make_family("llama", tokenizer))
    graphs = cuda_graphs.Graphs(model, partial(packed_states, model))
    with torch.no_grad():
        wanted = graphs(pack(examples))
    seen = [graphs(pack(examples)) for _ in range(3)]
    assert torch.allclose(seen[2], wanted, rtol=1e-4, atol=1e-4)
    # Two passes wait for their gradients at the same time, each in a recording of its own.
    assert len(graphs.recordings[next(k for k in graphs.recordings if k[1])]) == 2
    assert sorted(some.pool for known in graphs.recordings.values() for some in known) == [0, 1]
    seen[2].sum().backward()
    again = graphs(pack(examples))
    with pytest.raises(LetheError, match="its activations are gone; set cuda_graphs to false"):
        seen[2].sum().backward()
    again.sum().backward()


def test_passes_of_any_shapes_may_wait_together(tokenizer, examples):
    """Recorded one by one, and then forward in one order and backward in another."""
    model = on_gpu(make_family("llama", tokenizer))
    graphs = cuda_graphs.Graphs(model, partial(packed_states, model))
    batches = [pack(examples[:count] * times) for count, times in ((1, 1), (4, 3), (7, 9))]
    recorded, plain = Forward(model, graphs), Forward(model)
    losses = [lambda b=b, f=f: f.answers(b).mean_nll() for f in (recorded, plain) for b in batches]
    wanted = gradients(model, losses[3]() + 2 * losses[4]() + 3 * losses[5]())
    for order in [(0, 1, 2), (2, 1, 0), (0, 0, 0), (1, 0, 2), (2, 0, 1)]:
        graphs.begin()
        for number in order:
            losses[number]().backward()
        model.zero_grad()
        graphs.begin()
        found = gradients(model, sum((n + 1) * losses[n]() for n in order))
        if len(set(order)) == 3:
            assert distance(found, wanted) < NEAR
        with torch.no_grad():
            assert float(losses[1]()) == pytest.approx(float(losses[4]()), rel=NEAR)


def test_generation_from_graphs_gives_the_tokens_of_the_cpu(tokenizer, examples):
    prompts = [list(example.ids[: example.start]) for example in examples] * 3
    for name in sorted(FAMILIES):
        model, end = make_family(name, tokenizer), tokenizer.eos_token_id
        wanted = greedy(model, prompts, 60, end)
        attached.update_model(on_gpu(model), cuda_graphs=True)
        assert greedy(model, prompts, 60, end) == wanted, name


def test_a_checkpoint_has_the_bytes_of_its_moment(tokenizer, tmp_path):
    model = on_gpu(make_family("llama", tokenizer), torch.bfloat16)
    precision.prepare(model, Compute(dtype="bfloat16").training("unlearn"), 0, "none")
    checkpoint.save(tmp_path / "once", model, tokenizer, {})
    with BackgroundSaver() as saver:
        saver.save(tmp_path / "later", model, tokenizer, {})
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1)
    for file in (tmp_path / "once").iterdir():
        assert (tmp_path / "later" / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize("name", list(RUNS))
def test_methods_end_in_the_same_bits_resumed_or_not(
    name, tokenizer, encoder, pairs, tmp_path, graphs
):
    """And begin with the loss that they have on the CPU."""
    runs = [Run(name, tokenizer, encoder, pairs, tmp_path / part) for part in ("one", "two", "cpu")]
    whole, stopped, on_cpu = runs
    whole.device = stopped.device = "cuda"
    whole.process(seconds=None)
    with pytest.raises(Killed):
        stopped.process(dies_after=3)
    stopped.process()
    on_cpu.process(seconds=None)
    assert whole.ends.keys() == stopped.ends.keys()
    for epoch, (step, weights) in whole.ends.items():
        assert stopped.ends[epoch][0] == step
        assert (stopped.ends[epoch][1] - weights).abs().max() == 0
    assert whole.losses[1] == pytest.approx(on_cpu.losses[1], rel=1e-2)


def test_cost_tells_memory_of_the_gpu(tokenizer, examples):
    # Earlier tests of the process leave the memory of libraries.
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() / 2**20
    with Meter() as meter:
        Forward(on_gpu(make_family("llama", tokenizer))).answers(pack(examples))
    assert before < meter.read()["peak_cuda_mib"] < before + 100
