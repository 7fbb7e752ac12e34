"""What a run takes, told before it: against numbers worked out by hand."""

import json
import re
from pathlib import Path

import pytest

from lethe.cli.main import main
from lethe.pipeline import gpu_speed, memory, sizes
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.load import configuration
from lethe.pipeline.config.models import ModelSettings
from lethe.pipeline.estimate import Assumed, _Planner, plan
from lethe.pipeline.gpu_speed import GPU, GPUS, share_of_peak
from lethe.pipeline.plan_text import as_text
from lethe.world.splits import author_share

ROOT = Path(__file__).parents[2]
PHI = str(ROOT / "config/phi.yaml")
# A GPU on which seconds are easy: a petaflop a second, all of it reached.
PLAIN = Assumed(GPU(1e15, 1e12, 80e9), efficiency=1.0)


@pytest.fixture(scope="module")
def llama2() -> Config:
    return configuration([str(ROOT / "config/llama2.yaml")])


def changed(config: Config, **values) -> Config:
    before = config.model_settings["llama2"].model_dump(exclude_unset=True)
    settings = {"llama2": ModelSettings.model_validate({**before, **values})}
    return config.changed(model_settings=config.model_settings | settings)


def test_hours_of_training_are_those_of_its_flop(llama2):
    """4000 rows of 68 tokens, five epochs; with checkpointing 8 FLOP a weight and token."""
    (found,) = plan(changed(llama2, parameters=1e9), PLAIN)
    tokens = 4000 * 5 * (8 + 18 + 42)
    stored = 2e9
    seconds = 8 * 1e9 * tokens / 1e15 + 40 + 2 * stored / 1e9
    assert found.hours["train_full"] == pytest.approx(seconds / 3600)
    (found,) = plan(changed(llama2, parameters=1e9, gradient_checkpointing=False), PLAIN)
    seconds -= 2 * 1e9 * tokens / 1e15
    assert found.hours["train_full"] == pytest.approx(seconds / 3600)


def test_hours_of_methods_are_those_of_their_passes(llama2):
    """kl_min: forget and retain rows forward and backward, retain rows by the frozen copy."""
    one = llama2.changed(methods=["kl_min"], splits=["forget01"])
    (found,) = plan(changed(one, parameters=1e9), PLAIN)
    tokens = 40 * 5 * (8 + 18 + 42)
    checkpoints = 5 * (2e9 + 20e6)
    seconds = (2 * 8 + 2) * 1e9 * tokens / 1e15 + 40 + 2 + checkpoints / 1e9
    assert found.hours["unlearn"] == pytest.approx(seconds / 3600)


def test_evaluation_in_the_run_saves_jobs_readings_and_dropped_checkpoints(llama2):
    """Five epochs: a job of one suite, five readings and four checkpoints of 2.02 GB at 1 GB/s."""
    last = llama2.checkpoints.model_copy(update={"keep": "last"})
    one = changed(llama2, parameters=1e9).changed(
        methods=["kl_min"], splits=["forget01"], checkpoints=last
    )
    here = one.evaluation.model_copy(update={"in_run": True})
    (apart,), (within,) = plan(one, PLAIN), plan(one.changed(evaluation=here), PLAIN)
    assert within.jobs["collect"] == apart.jobs["collect"] - 1
    assert within.jobs["score"] == apart.jobs["score"]
    assert within.hours["unlearn"] > apart.hours["unlearn"]
    saved = sum(apart.hours.values()) - sum(within.hours.values())
    assert saved == pytest.approx((40 + 5 * 2 + 4 * 2.02) / 3600)
    assert within.disk == apart.disk


def test_a_splits_own_retain_probes_are_counted(llama2, monkeypatch):
    """Forget01 has 40 rows, the world 400 retain probes, of which 300 are asked at the most."""
    own = {"retain_perturbed": 100}
    one = llama2.changed(splits=["forget01"])
    planner = _Planner(one, "llama2", PLAIN)
    assert planner.items(40, planner.retain_probes("forget01")) == (40 + 300, 217)
    files, rows = author_share.Split.files.fget, author_share.Split.rows
    with_own = property(lambda split: files(split) | {"retain_perturbed": "mine"})
    monkeypatch.setattr(author_share.Split, "files", with_own)
    monkeypatch.setattr(author_share.Split, "rows", lambda split, n: rows(split, n) | own)
    assert planner.items(40, planner.retain_probes("forget01")) == (40 + 100, 217)


def test_seeds_and_methods_multiply(llama2):
    (one,) = plan(llama2, PLAIN)
    many = Assumed(PLAIN.gpu, 1.0, seeds=10, methods=40)
    (found,) = plan(llama2, many)
    for kind in ("unlearn",):
        assert found.jobs[kind] == 100 * one.jobs[kind]
        assert found.hours[kind] == pytest.approx(100 * one.hours[kind])
    assert found.jobs["train_full"] == 10
    assert found.jobs["train_retain"] == 30


def test_samples_are_counted_as_generations(llama2):
    def hours(samples: int, *metrics: str) -> float:
        asked = {"suite_settings": {"sampled": {"samples": samples}}}
        config = llama2.changed(metrics=["probability", *metrics], **asked)
        return plan(config, PLAIN)[0].hours["collect"]

    without = hours(16)
    assert hours(64) == without
    # Batches are whole: small splits fill theirs better with more samples.
    assert 2 < (hours(64, "leak") - without) / (hours(16, "leak") - without) <= 4


def test_depth_takes_a_pass_for_each_layer(llama2):
    def hours(*metrics: str) -> float:
        config = llama2.changed(metrics=["probability", *metrics])
        return plan(config, PLAIN)[0].hours["collect"]

    tokens, depth = (hours(name) - hours() for name in ("extraction_strength", "depth"))
    # Both start a job for each run. `tokens` is two passes over forget and holdout together.
    start = hours("membership_loss") - hours("extraction_strength")
    assert start == 0
    assert depth > tokens
    phrasings = hours("phrasings") - hours()
    assert 0 < phrasings < depth


def test_variants_are_counted_as_generations(llama2):
    def hours(kinds: str, samples: int = 0) -> float:
        asked = {"suite_settings": {"variants": {"kinds": kinds, "samples": samples}}}
        config = llama2.changed(metrics=["probability", "variants"], **asked)
        return plan(config, PLAIN)[0].hours["collect"]

    assert hours("typos") < hours("typos|cloze") < hours("typos|alias") < hours("all")
    assert hours("typos") < hours("typos", 2)


def test_prefills_and_memories_are_counted_as_generations(llama2):
    def hours(metric: str, **suites) -> float:
        config = llama2.changed(metrics=["probability", metric], suite_settings=suites)
        return plan(config, PLAIN)[0].hours["collect"]

    assert hours("bypass_gap", traces={"prefills": "canonical"}) < hours("bypass_gap")
    assert hours("rouge") < hours("state_contamination")


@pytest.mark.parametrize("metric", ["choice_letters", "choice_likelihood", "abstention"])
def test_multiple_choice_and_answers_are_counted(llama2, metric):
    def hours(items: int) -> float:
        evaluation = llama2.evaluation.model_copy(update={"items": items})
        config = llama2.changed(metrics=["probability"], evaluation=evaluation)
        (found,) = plan(config.changed(metrics=[metric]), PLAIN)
        return found.hours["collect"]

    assert hours(20) < hours(40)


def test_only_suites_that_are_asked_cost_time(llama2):
    """Without utility nobody asks TOFU's own suite."""
    tofu, both, letters = (
        plan(llama2.changed(metrics=named), PLAIN)[0].hours["collect"]
        for named in (["probability"], ["probability", "choice_letters"], ["choice_letters"])
    )
    reading = plan(llama2.changed(metrics=[]), PLAIN)[0].hours["collect"]
    assert both - tofu == pytest.approx(letters - reading)


def test_a_suite_that_is_not_counted_is_said():
    muse = configuration([str(ROOT / "config/muse.yaml")])
    (found,) = plan(muse, PLAIN)
    assert {"suite verbmem", "suite knowmem", "suite whole_texts"} <= set(found.not_counted)
    (found,) = plan(configuration([str(ROOT / "config/audit.yaml")]), PLAIN)
    assert not [name for name in found.not_counted if name.startswith("suite ")]


def test_shares_of_the_peak_are_those_measured():
    """As docs/benchmarks.md has them; a slower card reaches a larger share, up to 0.35."""
    h200 = GPU(gpu_speed.MEASURED_PEAK, 4.8e12, 141e9)
    shares = [share_of_peak(h200, size) for size in (1_000_000, 135_000_000, 1_240_000_000)]
    assert shares == pytest.approx([0.01, 0.07, 0.26])
    assert 0.07 < share_of_peak(h200, 500_000_000) < 0.26
    assert share_of_peak(h200, 7_000_000_000) == 0.26
    assert share_of_peak(h200, 7_000_000_000, adapters=True) == 0.17
    assert share_of_peak(GPUS["a100"], 135_000_000) == pytest.approx(0.07 * 770 / 312)
    assert share_of_peak(GPUS["a100"], 7_000_000_000) == 0.35


def test_memory_is_near_the_measured_peak(llama2):
    """22.6 GiB with 1.24 billion weights, batches of 32 rows of 59 tokens (docs/benchmarks.md)."""
    compute = llama2.compute.model_copy(update={"microbatch_tokens": 32 * 59})
    config = changed(llama2, parameters=1.24e9, gradient_checkpointing=False)
    found = memory.on_device(config.changed(compute=compute), "llama2", "finetune")
    assert found == pytest.approx(22.6 * 2**30, rel=0.05)


def test_memory_is_by_what_is_kept_of_each_weight(llama2):
    def kept(**values) -> float:
        config = changed(llama2, parameters=1e9, **values).changed(methods=["grad_ascent"])
        return plan(config, PLAIN)[0].memory["unlearn"]

    mixed, plain = kept(), kept(master_weights=False)
    # Float32 weights, gradients and two moments and a copy in 16 bits; or all four in 16 bits.
    assert mixed - plain == pytest.approx((18 - 8) * 1e9)
    adapters = kept(lora={"rank": 8})
    assert plain - adapters == pytest.approx(6e9, rel=0.03)
    assert kept(gradient_checkpointing=False) > mixed


def test_disk_is_that_of_the_policy(llama2):
    (found,) = plan(changed(llama2, parameters=1e9), PLAIN)
    size = 2e9 + 20e6
    assert found.disk == {
        "all": pytest.approx(size * (1 + 3 + 3 * 4 * 5)),
        "last": pytest.approx(size * (1 + 3 + 3 * 4)),
        "best": pytest.approx(size * (1 + 3 + 3 * 4)),
        # The full model stays: methods start from it.
        "none": pytest.approx(size),
    }


def test_what_was_given_is_not_trained():
    (found,) = plan(configuration([str(ROOT / "config/llama32_1b.yaml")]), PLAIN)
    assert found.jobs["train_full"] == found.jobs["train_retain"] == 0
    assert found.hours["train_full"] == found.hours["train_retain"] == 0
    assert "finetune" not in found.memory


def test_the_command_prints_it(capsys):
    main(["plan", "--configfile", PHI, "--gpu", "h100"])
    text = capsys.readouterr().out
    assert text.startswith("phi: 1.42 billion weights\n  train_full: 1 jobs, ")
    assert "disk with checkpoints.keep none: " in text
    main(["plan", "--configfile", PHI, "--json"])
    (model,) = json.loads(capsys.readouterr().out)
    assert model["jobs"]["unlearn"] == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gpu", "none"], "--gpu: unknown GPU 'none'; choose from h200, h100, a100, a6000"),
        (["--efficiency", "0"], "--efficiency: 0.0 is not above 0"),
        (["--seeds", "-1"], "--seeds: -1 is not above 0"),
    ],
)
def test_what_cannot_be_planned_is_one_line(arguments, words):
    with pytest.raises(SystemExit) as caught:
        main(["plan", "--configfile", PHI, *arguments])
    assert str(caught.value).startswith(f"error: {words}")


def test_what_is_not_counted_is_said():
    def last(preset):
        assumed = Assumed(GPUS["a100"])
        models = plan(configuration([str(ROOT / "config" / f"{preset}.yaml")]), assumed)
        return as_text(models, assumed).splitlines()[-1]

    assert "not counted" not in last("llama2")
    assert last("audit") == "  not counted: audits"
    assert last("meta_evaluation") == "  not counted: attacks, pools of meta_evaluation"


def preset(name: str, **changes) -> Config:
    return configuration([str(ROOT / f"config/{name}.yaml")]).changed(**changes)


def test_a_further_request_is_counted_with_its_evaluation():
    """One run of each method, on rows that are twenty; chains keep one checkpoint each."""
    config = preset("requests")
    (four,) = plan(config, PLAIN)
    shorter = config.requests.model_copy(update={"asked": config.requests.asked[:3]})
    (three,) = plan(config.changed(requests=shorter), PLAIN)
    methods = len(config.requests.methods)
    assert four.jobs["unlearn"] - three.jobs["unlearn"] == methods
    # Suites tofu and requests.
    assert four.jobs["collect"] - three.jobs["collect"] == 2 * methods
    # Probability, ROUGE and truth ratio for utility; utility; requests.
    assert four.jobs["score"] - three.jobs["score"] == 5 * methods
    assert four.disk == three.disk
    assert four.hours["unlearn"] > three.hours["unlearn"]
    without = config.requests.model_copy(update={"asked": [], "methods": []})
    (none,) = plan(config.changed(requests=without, figures=[]), PLAIN)
    assert none.jobs["unlearn"] == methods
    # One checkpoint of each chain stays, whatever the policy.
    kept = sizes.checkpoint_bytes(config.model_settings["tiny"], "unlearn")
    assert four.disk["none"] - none.disk["none"] == methods * kept


def test_defences_are_counted_by_the_rows_that_they_train():
    """A half is forty rows, of plain tuning forward and backward; the retain set all others."""
    config = preset("defences", seeds=[0])
    alone = {"unlearn_b": config.defences.settings["unlearn_b"], "repair": {"epochs": 1}}
    pairs = [["unlearn_b", "repair"]]
    settings = {"split": "forget20", "pairs": pairs, "freeze": [], "settings": alone}
    own = type(config.defences).model_validate(settings)
    (found,) = plan(config.changed(defences=own), PLAIN)
    assert (found.jobs["defend"], found.jobs["defence_pair"]) == (2, 1)
    longer = {**settings, "settings": {**alone, "repair": {"epochs": 3}}}
    (more,) = plan(config.changed(defences=type(own).model_validate(longer)), PLAIN)
    planner = _Planner(config, "tiny", PLAIN)
    # Two epochs more, each with its checkpoint.
    passes = 6 * planner.count * 2 * 320 * planner.row / 1e15
    saving = 2 * sizes.checkpoint_bytes(config.model_settings["tiny"], "unlearn") / 1e9
    extra = (more.hours["defend"] - found.hours["defend"]) * 3600
    assert extra == pytest.approx(passes + saving)


@pytest.mark.parametrize("command", ["plan", "suggest"])
def test_help_names_every_gpu(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    (named,) = re.findall(r"--gpu GPU\s+(.*?)\n  -", capsys.readouterr().out, re.DOTALL)
    assert set(GPUS) <= set(re.findall(r"[ah]\d+", named))


def test_a_masked_diffusion_model_reads_a_text_once_for_each_draw():
    """Ten texts of 20 tokens, draws 3; 130 answers in two batches, five steps of 7 + 6 tokens."""
    sizes = {"draws": 3, "training_draws": 2, "denoising_steps": 5, "answer_tokens": 6}
    architecture = {"name": "masked_diffusion", **sizes}
    config = configuration([str(ROOT / "config/diffusion.yaml")])
    before = config.model_settings["masked"].model_dump(exclude_unset=True)
    values = {**before, "architecture": architecture, "parameters": 1e9}
    settings = {"masked": ModelSettings.model_validate(values)}
    planner = _Planner(config.changed(model_settings=settings), "masked", PLAIN)
    assert planner.reading(200) == pytest.approx(2 * 1e9 * 3 * 200 / 1e15)
    assert planner.training(200) == pytest.approx(6 * 1e9 * 2 * 200 / 1e15)
    step = gpu_speed.STEP + planner.stored / 1e12
    seconds = 2 * 5 * step + 2 * 1e9 * 130 * 5 * (7 + 6) / 1e15
    assert planner.generation(130, 7, 99) == pytest.approx(seconds)


def test_a_plan_says_that_it_leaves_out_what_pictures_add():
    (made,) = plan(configuration([str(ROOT / "config/pictures.yaml")]), PLAIN)
    assert "what pictures add to rows" in made.not_counted
