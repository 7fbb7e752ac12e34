"""What every preset asks of a machine under every profile: main memory, GPUs, time.

Profiles are read and rules are made by Snakemake itself, in this process; no graph is built.
"""

import math
from pathlib import Path

import pytest
import yaml
from helpers import (
    made_dusk,
    made_edu_relat,
    made_knowundo,
    made_mcq,
    made_muse,
    made_ppu,
    made_rwku,
    translated_rules,
)
from helpers.shared_data import SHARED, shared_folder
from helpers.workflow_folder import ROOT
from snakemake.api import SnakemakeApi
from snakemake.cli import parse_args
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

from lethe.pipeline import sizes
from lethe.pipeline.config.load import configuration
from lethe.pipeline.config.models import ModelSettings
from lethe.pipeline.estimate import Assumed, plan
from lethe.pipeline.gpu_speed import GPUS

PROFILES = ("slurm", "kubernetes", "gpu", "gpu_shards")
OVERLAYS = {"sharded", "small_llm", "config"}
PRESETS = sorted(
    file.stem for file in (ROOT / "config").glob("*.yaml") if file.stem not in OVERLAYS
)
# Presets that are laid over another, and the other.
OVER = {"search": "smoke"}
GPU = 80_000
# Rules that load a model, by what they do with it, as `lethe plan` names it.
KINDS = {"train": "finetune", "unlearn": "unlearn", "collect": "collect"}
FIXED = {"split": "forget10", "seed": "0", "run": "full", "suite": "tofu", "state": "relearned"}


class Rules:
    """The rules of presets under a profile."""

    def __init__(self, presets: list[str], profile: str, folder: Path):
        if not (folder / "config").exists():
            (folder / "config").symlink_to(ROOT / "config")
        _, args = parse_args(["-n", "--workflow-profile", str(ROOT / "profiles" / profile)])
        self.files = [ROOT / "config" / f"{name}.yaml" for name in presets]
        asked = ResourceSettings(
            cores=64,
            overwrite_resources=args.set_resources,
            default_resources=args.default_resources,
        )
        with SnakemakeApi(OutputSettings()) as api:
            self.flow = api.workflow(
                resource_settings=asked,
                config_settings=ConfigSettings(configfiles=self.files),
                snakefile=ROOT / "Snakefile",
                workdir=folder,
            )._workflow
        self.config = self.flow.globals["CONFIG"]

    def of_models(self):
        return [rule for rule in self.flow.rules if "model" in rule.wildcard_names]

    def asked(self, rule, model: str, attempt: int = 1) -> dict[str, int | str]:
        wildcards = {n: {**FIXED, "model": model}.get(n, "x") for n in rule.wildcard_names}
        return dict(rule.expand_resources(wildcards, [], attempt).items())


@pytest.fixture(autouse=True)
def back(monkeypatch):
    """Snakemake changes the working directory."""
    monkeypatch.chdir(ROOT)


def over(preset: str) -> list[str]:
    return [OVER[preset], preset] if preset in OVER else [preset]


@pytest.fixture(scope="module", autouse=True)
def translated():
    """The rules are the same under every preset and profile."""
    with translated_rules.remembered():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder in which the file that a preset names is there, if not whole."""
    place = tmp_path_factory.mktemp("requests")
    top = place / "folder"
    (place / "shared").symlink_to(SHARED)
    shipped = yaml.safe_load((ROOT / "config/smollm2.yaml").read_text(encoding="utf-8"))
    for settings in shipped["model_settings"].values():
        file = top / settings["base_checkpoint"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"GGUF" + bytes(1000))
    made_edu_relat.write(top / "results/made_edu_relat", 8)
    made_dusk.write(top / "results/made_dusk")
    made_knowundo.write(top / "results/made_knowundo")
    made_mcq.write(top / "results/made_mcq")
    made_muse.write(top / "results/made_muse")
    made_rwku.write(top / "results/made_rwku", 16)
    made_ppu.write(top / "results/made_ppu")
    return top


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("preset", PRESETS)
def test_jobs_ask_for_what_their_model_takes(preset, profile, folder):
    if "../shared/data" in (ROOT / f"config/{preset}.yaml").read_text(encoding="utf-8"):
        shared_folder("data", "tofu")
    rules = Rules(over(preset), profile, folder)
    told = {model.name: model for model in plan(rules.config, Assumed(GPUS["a100"]))}
    for model, of in told.items():
        seen = set()
        stored = of.parameters * (2 if _bfloat16(rules.config, model) else 4)
        for rule in rules.of_models():
            kind = KINDS.get(rule.name.partition("_")[0])
            asked = rules.asked(rule, model)
            if kind not in of.memory or rule.name == "collect_state":
                # Nothing of this kind is planned for the model.
                continue
            seen.add(kind)
            beyond = 2**20 * asked["mem_mb"] - 2000 * 2**20
            assert beyond >= -(2**20) + (stored if kind == "collect" else 3 * of.parameters * 4)
            if asked.get("gpu"):
                fits = math.ceil(of.memory[kind] / 1e6 / GPU)
                least = 1 if kind == "unlearn" else fits
                assert max(1, least) <= gpus_of(asked) <= max(1, fits), rule.name
        assert set(of.memory) <= seen


def gpus_of(asked: dict) -> int:
    """How many GPUs a job has, of which it may share one; else it has all places of each."""
    places = asked.get("gpu_jobs", 1)
    assert asked["gpu"] == 1 or asked["gpu"] % places == 0
    return math.ceil(asked["gpu"] / places)


def _bfloat16(config, model: str) -> bool:
    return config.model_settings[model].dtype == "bfloat16"


@pytest.mark.parametrize("profile", PROFILES)
def test_gpus_follow_processes_and_rules_of_one_process_have_one(profile, folder):
    rules = Rules(["llama2", "sharded"], profile, folder)
    found = {r.name: rules.asked(r, "llama2") for r in rules.of_models()}
    gpus = {name: gpus_of(asked) for name, asked in found.items() if "gpu" in asked}
    for name in ("train_full", "train_retain", "unlearn_idk", "collect", "collect_state"):
        assert gpus[name] == 4, name
    assert gpus["reference"] == gpus["alternatives"] == 1
    # Each process loads the model whole: 4 bytes of each weight, and 2 of the copy of kl_min.
    assert found["unlearn_kl_min"]["mem_mb"] * 2**20 > 4 * 6 * 6.7e9


def test_without_shards_the_plan_counts_two_gpus_for_llama2_and_three_for_8b(folder):
    for preset, rule, gpus in (("llama2", "unlearn_kl_min", 2), ("llama31_8b", "unlearn_rmu", 3)):
        rules = Rules([preset], "slurm", folder)
        assert rules.asked(rules.flow.get_rule(rule), preset)["gpu"] == gpus


@pytest.mark.parametrize("profile", ["slurm", "kubernetes"])
def test_no_attempt_asks_for_more_than_the_ceiling(profile, folder):
    shipped = yaml.safe_load((ROOT / f"profiles/{profile}/config.yaml").read_text(encoding="utf-8"))
    most = shipped["default-resources"]
    rules = Rules(["llama31_8b"], profile, folder)
    for rule in rules.of_models():
        first, late = (rules.asked(rule, "llama31_8b", attempt) for attempt in (1, 999))
        assert first["runtime"] < late["runtime"] == most["max_runtime"], rule.name
        assert first["mem_mb"] < late["mem_mb"] == most["max_mem_mb"], rule.name
        assert not {"max_runtime", "max_mem_mb", "gpu_mb", "gpu_jobs"} & late.keys()


def test_all_shards_of_a_local_model_count(tmp_path):
    import torch
    from safetensors.torch import save_file

    for number in range(3):
        save_file({f"w{number}": torch.zeros(10, 10)}, tmp_path / f"m-{number}.safetensors")
    assert sizes.parameters(ModelSettings.model_construct(base_checkpoint=str(tmp_path))) == 300


def test_a_stub_of_git_lfs_is_named(tmp_path):
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(sizes.LetheError, match=r"model\.safetensors: .*fetch the real one"):
        sizes.parameters(ModelSettings.model_construct(base_checkpoint=str(tmp_path)))


def test_a_configuration_of_a_hub_model_without_its_size_is_told():
    config = configuration(["config/llama2.yaml"])
    unknown = {"parameters": None, "base_checkpoint": "someone/chat"}
    config.model_settings["llama2"] = config.model_settings["llama2"].model_copy(update=unknown)
    with pytest.raises(sizes.LetheError, match=r"model_settings\.llama2\.parameters"):
        plan(config, Assumed(GPUS["a100"]))
