"""Another Snakefile imports the workflow as a module: its rules, in a folder of its own."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.workflow_folder import ROOT, Folder

SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
# What a clone has of the workflow, the library apart.
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "bases")
RESULTS = [f"results/smoke/data/{name}.json" for name in ("forget10", "retain90")]
# A rule of its own writes below results/, too, with a command that is no single program.
IMPORTER = """
from copy import deepcopy

configfile: "config/mine.yaml"

before = deepcopy(config)

module lethe:
    snakefile: {snakefile}
    config: config["lethe"]
    {more}

use rule * from lethe as lethe_*

assert config == before, "the importer's configuration was changed"

rule mine:
    input: rules.lethe_split_forget10.output
    output: "results/mine.txt"
    shell: "cd results; echo $LETHE_RULES > mine.txt"

rule all:
    default_target: True
    input: "results/mine.txt"
"""


@pytest.fixture
def importer(tmp_path):
    """A folder whose Snakefile imports the workflow that ``snakefile`` names."""

    def make(snakefile: str = repr(str(ROOT / "Snakefile")), more: str = "", **settings) -> Folder:
        config = {"lethe": {**SMOKE, **settings}, "mine": True}
        for name in ("workflow", "config"):
            (tmp_path / name).mkdir()
        text = IMPORTER.format(snakefile=snakefile, more=more)
        (tmp_path / "workflow/Snakefile").write_text(text, encoding="utf-8")
        preset = tmp_path / "config/mine.yaml"
        preset.write_text(yaml.safe_dump(config), encoding="utf-8")
        return Folder(tmp_path, "config/mine.yaml")

    return make


def own_plan(tmp_path: Path, *arguments: str) -> Folder:
    """What the workflow itself plans in an empty folder."""
    alone = tmp_path / "alone"
    alone.mkdir()
    folder = Folder(alone, str(ROOT / "config/smoke.yaml"))
    return folder.snakemake("-n", "-s", str(ROOT / "Snakefile"), *arguments)


def resources(output: str) -> dict[str, list[str]]:
    """By rule, without the importer's prefix, what its jobs ask for."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines():
        if line.startswith(("rule ", "localrule ")):
            name = line.split()[1].removesuffix(":").removeprefix("lethe_")
        elif line.strip().startswith(("resources:", "threads:")):
            found.setdefault(name, []).append(line.strip())
    return {name: sorted(lines) for name, lines in found.items()}


def test_the_importer_plans_what_the_workflow_itself_would(importer, tmp_path):
    itself = own_plan(tmp_path)
    planned = importer().snakemake("-n", "lethe_all")
    assert planned.code == 0, planned.end
    assert planned.jobs == {f"lethe_{job}" for job in itself.jobs}
    # Memory and threads follow a rule's name, which the importer changed.
    asked = resources(planned.output)
    assert asked == resources(itself.output)
    assert any("mem_mb" in line for line in asked["unlearn_npo"])


@pytest.mark.parametrize("naming", ["", " as lethe_*"])
def test_where_snakedeploy_looks_the_same_is_the_default(tmp_path, naming):
    """``workflow/Snakefile``, imported as snakedeploy does, with its own default target."""
    (tmp_path / "Snakefile").write_text(
        f"module lethe:\n    snakefile: {str(ROOT / 'workflow/Snakefile')!r}\n"
        f"    config: config\n\nuse rule * from lethe{naming}\n"
    )
    planned = Folder(tmp_path, str(ROOT / "config/smoke.yaml")).planned()
    prefix = naming.removeprefix(" as ").removesuffix("*")
    assert planned == {f"{prefix}{job}" for job in own_plan(tmp_path).jobs}


def test_jobs_run_in_the_importers_folder_and_are_not_repeated(importer):
    folder = importer()
    # Below results/ and no job's of ours: of no concern to the provenance of ours.
    (folder / "results").mkdir()
    (folder / "results/of_the_importer.csv").write_text("1\n")
    folder.run()
    # Scripts are told what their rules are called where they were written.
    told = json.loads((folder / "results/mine.txt").read_text())
    assert {"lethe_base": "base", "lethe_unlearn_npo": "unlearn_npo"}.items() <= told.items()
    assert all(len((folder / name).read_text().splitlines()) > 20 for name in RESULTS)
    ledgers = list((folder / ".snakemake/lethe").rglob("*.json"))
    assert {name for file in ledgers for name in json.loads(file.read_text())} >= set(RESULTS)
    assert folder.planned() == set()


def test_a_result_that_its_job_did_not_write_is_refused_in_a_module(importer):
    folder = importer()
    (folder / "results/smoke/data").mkdir(parents=True)
    (folder / RESULTS[0]).write_text("{}\n")
    refused = folder.snakemake("-n")
    assert refused.code != 0
    assert [line.partition(";")[0] for line in refused.errors] == [
        f"error: {RESULTS[0]}: a result without provenance"
    ]


def test_the_importers_command_line_sets_the_modules_configuration(importer):
    planned = importer().planned("lethe_all", overlay={"lethe": {"methods": ["grad_diff"]}})
    unlearning = {job.split("[")[0] for job in planned if job.startswith("lethe_unlearn")}
    assert unlearning == {"lethe_unlearn_grad_diff"}


def test_without_a_configuration_it_is_the_default_one(tmp_path):
    (tmp_path / "Snakefile").write_text(
        f"module lethe:\n    snakefile: {str(ROOT / 'Snakefile')!r}\n\nuse rule * from lethe\n"
    )
    planned = Folder(tmp_path, str(ROOT / "config/smoke.yaml")).planned("facts")
    assert planned == {"facts"}


@pytest.mark.parametrize(
    ("more", "settings", "words"),
    [
        ('prefix: "there"', {}, "prefix and replace_prefix would part results"),
        ('replace_prefix: {"results/": "there/"}', {}, "prefix and replace_prefix would part"),
        ("", {"metods": ["npo"]}, "metods: unknown key; did you mean methods?"),
    ],
)
def test_what_a_module_cannot_do_is_one_line(importer, more, settings, words):
    refused = importer(more=more, **settings).snakemake("-n")
    assert refused.code != 0
    assert len(refused.errors) == 1, refused.end
    assert words in refused.errors[0]
    assert "Traceback" not in refused.output


def test_the_checks_before_a_run_can_be_handed_on(importer):
    folder = importer()
    folder.append("workflow/Snakefile", "\nonstart:\n    lethe.onstart()\n    print('checked')\n")
    folder.run("lethe_facts")
    assert "checked" in folder.run("lethe_facts", "--force").output


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The workflow's files as a commit, as a hosting service has them."""
    top = tmp_path_factory.mktemp("repository")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PARTS],
        cwd=ROOT, capture_output=True, check=True, encoding="utf-8",
    ).stdout.split()  # fmt: skip
    for name in filter(lambda name: (ROOT / name).is_file(), listed):
        # In a folder: Snakemake does not find what a file at the top of a repository includes.
        place = top / "lethe" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / name).read_bytes())
    author = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"], ["tag", "v1"]):
        subprocess.run(["git", *author, *command], cwd=top, check=True)
    return top


def test_a_repository_of_which_single_files_are_brought(importer, repository):
    """As of a hosting service: the library and what scripts import are the installed ones."""
    source = f'gitfile({str(repository)!r}, path="lethe/Snakefile", tag="v1")'
    folder = importer(source)
    folder.run("lethe_facts")
    assert (folder / "results/smoke/data/world_facts.json").is_file()
