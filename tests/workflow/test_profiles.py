"""What the shipped profiles ask for each rule."""

import re

import pytest
import yaml
from helpers.workflow_folder import ROOT, sources
from snakemake.scheduling.job_scheduler import JobScheduler

# A job of a dry run: its rule, and the line of its resources.
JOB = re.compile(r"^rule (\w+):\n(?:(?: {4}.*\n)*?) {4}resources: (.*)$", re.MULTILINE)
METHODS = ("grad_ascent", "kl_min", "npo")
LOADS_A_MODEL = re.compile(r"base|train_\w+|reference|unlearn_\w+|collect")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("empty") / "folder")


def requests(folder, profile: str, *arguments: str) -> dict[str, dict[str, str]]:
    """Resources by rule, as a dry run prints them."""
    outcome = folder.snakemake("-n", "--workflow-profile", profile, *arguments)
    assert outcome.code == 0, outcome.end
    found = {}
    for rule, line in JOB.findall(outcome.output):
        found[rule] = dict(pair.split("=", 1) for pair in line.split(", "))
    assert {"world", "base", "unlearn_npo", "score"} <= set(found)
    return found


@pytest.mark.parametrize("profile", ["slurm", "gpu", "gpu_shards", "kubernetes"])
def test_rules_that_load_a_model_get_a_gpu_and_no_others(profile, empty):
    found = requests(empty, f"profiles/{profile}")
    with_gpu = {rule for rule, resources in found.items() if resources.get("gpu", "0") != "0"}
    assert with_gpu == {rule for rule in found if LOADS_A_MODEL.fullmatch(rule)}


def test_slurm_partitions_and_times(empty):
    found = requests(empty, "profiles/slurm")
    assert {resources["slurm_partition"] for resources in found.values()} == {"cpu", "gpu"}
    assert found["unlearn_npo"]["slurm_partition"] == "gpu"
    assert found["score"]["slurm_partition"] == "cpu"
    assert all(int(resources["runtime"]) > 0 for resources in found.values())


def test_pattern_reaches_every_rule_that_fits_and_yields_to_an_own_entry(empty, tmp_path):
    shipped = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text(encoding="utf-8"))
    shipped["set-resources"] = {
        "unlearn_npo": {"runtime": 7},
        "unlearn_*": {"runtime": 5, "gpu": 2},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
    found = requests(empty, str(tmp_path))
    given = {
        rule: (resources.get("runtime"), resources.get("gpu")) for rule, resources in found.items()
    }
    assert given["unlearn_npo"] == ("7", "2")
    assert given["unlearn_kl_min"] == given["unlearn_grad_ascent"] == ("5", "2")
    assert given["reference"] == (None, None)


def test_no_machine_is_in_the_science(empty):
    """Partitions, accounts, times and devices stand in profiles, never in a configuration."""
    for file in sorted(ROOT.glob("config/**/*.yaml")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"slurm|partition|account|runtime|\bgpu", text), file.name


@pytest.mark.parametrize("profile", sorted(path.name for path in (ROOT / "profiles").iterdir()))
def test_a_scheduling_pass_looks_at_a_bounded_number_of_jobs(profile):
    text = (ROOT / "profiles" / profile / "config.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)
    assert settings.get("jobs", 0) < settings["scheduler-subsample"] <= 500


def test_snakemake_still_has_the_limit_that_local_runs_lift():
    assert "job_rate_limiter" in JobScheduler.__init__.__code__.co_names
    assert "job_rate_limiter" in JobScheduler.schedule.__code__.co_names


# --- what does not fit ---


def test_a_training_that_no_gpu_of_the_profile_holds_is_refused_before_any_job(empty):
    outcome = empty.snakemake("--workflow-profile", "profiles/gpu", preset="config/llama2.yaml")
    assert outcome.code != 0
    (line,) = outcome.errors
    assert re.search(r"of llama2 takes 1[23]\d GB on a GPU, which has 80 GB \(gpu_mb", line), line
    assert "config/sharded.yaml" in line
    assert outcome.jobs == set()


def test_more_processes_than_gpus_are_refused_before_any_job(empty):
    outcome = empty.snakemake(
        "--workflow-profile", "profiles/gpu", overlay={"compute": {"processes": 4}}
    )
    assert outcome.code != 0
    (line,) = outcome.errors
    assert re.search(r"runs in 4 processes, each with a GPU, but the profile has 2; ", line), line
    assert outcome.jobs == set()


def test_a_profile_that_does_not_say_how_large_a_gpu_is_is_not_asked(empty, tmp_path):
    shipped = yaml.safe_load((ROOT / "profiles/gpu/config.yaml").read_text(encoding="utf-8"))
    del shipped["set-resources"]["*"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
    found = requests(empty, str(tmp_path))
    assert found["unlearn_npo"]["gpu"] == "1"


# --- several GPUs on one machine ---


def adapted(folder, **changes) -> str:
    """The folder of a copy of profiles/gpu with other entries of ``set-resources``."""
    shipped = yaml.safe_load((ROOT / "profiles/gpu/config.yaml").read_text(encoding="utf-8"))
    shipped["set-resources"] |= {name.replace("all", "*"): entry for name, entry in changes.items()}
    (folder / "config.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
    return str(folder)


def test_jobs_with_small_models_take_a_place_of_a_shared_gpu(empty):
    found = requests(empty, "profiles/gpu")
    for rule in ("base", "unlearn_npo", "collect"):
        assert (found[rule]["gpu"], found[rule]["gpu_jobs"]) == ("1", "8"), rule
    assert "gpu_jobs" not in found["score"]


def test_a_job_has_a_gpu_alone_if_its_model_does_not_fit_beside_others(empty, tmp_path):
    """The smoke world's jobs need a GB for CUDA besides the model: eight of them, not 0.9 GB."""
    small = adapted(tmp_path, all={"gpu_mb": 7000, "gpu_jobs": 8}, train_full={"gpu": 1})
    assert requests(empty, small)["unlearn_npo"]["gpu"] == "8"
    enough = adapted(tmp_path, all={"gpu_mb": 9000, "gpu_jobs": 8})
    assert requests(empty, enough)["unlearn_npo"]["gpu"] == "1"


def test_an_entry_of_its_own_gives_a_rule_whole_gpus(empty, tmp_path):
    profile = adapted(tmp_path, collect={"gpu": 1, "gpu_jobs": 1}, reference={"gpu": 2})
    found = requests(empty, profile)
    assert found["collect"]["gpu"] == "8"
    assert found["reference"]["gpu"] == "16"
    assert found["unlearn_npo"]["gpu"] == "1"


def test_without_gpu_jobs_nothing_is_shared(empty, tmp_path):
    found = requests(empty, adapted(tmp_path, all={"gpu_mb": 80000}))
    assert found["unlearn_npo"]["gpu"] == "1"
    assert "gpu_jobs" not in found["unlearn_npo"]


@pytest.mark.parametrize("number", [0, "many"])
def test_a_wrong_number_of_jobs_is_one_line(empty, tmp_path, number):
    profile = adapted(tmp_path, all={"gpu_mb": 80000, "gpu_jobs": number})
    outcome = empty.snakemake("-n", "--workflow-profile", profile)
    assert outcome.code != 0
    (line,) = outcome.errors
    assert f"gpu_jobs: {number} of " in line


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_jobs_side_by_side_get_a_device_each(worked, monkeypatch, tmp_path, jobs):
    """Real jobs, devices that are only numbers: the models themselves run on the processor."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    folders = [f"results/smoke/micro/forget10/{name}/seed0" for name in METHODS]
    targets = [f"{folder}/cost/unlearn.json" for folder in folders]
    worked.run(
        *targets,
        "--workflow-profile",
        adapted(tmp_path, all={"gpu_mb": 80000, "gpu_jobs": jobs}),
        overlay={"unlearning": {"lr": 2.0e-3 + 1.0e-5 * jobs}},
        cores=3,
    )
    logs = [worked / f"results/logs/smoke/micro/forget10/{name}/seed0.log" for name in METHODS]
    claimed = [re.findall(r" GPU (\d+)\b", log.read_text()) for log in logs]
    assert all(len(found) == 1 for found in claimed)
    assert {found[0] for found in claimed} == {"4", "6"}
