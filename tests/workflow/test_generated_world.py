"""Generated authors in the workflow: each stage a target of its own, the journal beside them."""

import shutil

import pytest
from helpers.answers import in_language
from helpers.service import KEY, MODEL, Service
from helpers.workflow_folder import Folder, sources

from lethe.common.files import read_rows

LISTS = {"birthplaces": 8, "genres": 3, "occupations": 8, "titles": 4}
STAGES = ["draws", "profiles", "pairs", "paraphrases", "perturbations"]


def overlay(url: str, **changes) -> dict:
    settings = {"model": {"name": MODEL}, "service": {"base_url": url}, "lists": LISTS}
    world = {"provider": "generated", "authors": 10, "holdout_authors": 2, "generated": settings}
    return {"world": world | changes}


@pytest.fixture(scope="module")
def service():
    with Service() as started:
        yield started


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module")
def ran(service, tmp_path_factory) -> Folder:
    """A folder in which the data of a small world was made."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OPENAI_API_KEY", KEY)
    folder = sources(tmp_path_factory.mktemp("llm"))
    outcome = folder.run("results/smoke/data/README.md", overlay=overlay(service.url))
    assert outcome.jobs >= {"lists", *(f"authors_{stage}" for stage in STAGES), "world"}
    assert KEY not in outcome.output
    patch.undo()
    return folder


def planned(folder: Folder, service: Service, changes: dict | None = None) -> set[str]:
    laid = overlay(service.url, **(changes or {}))
    return folder.planned("results/smoke/data/README.md", overlay=laid)


AFTER = {"world", "split_forget10", "background", "data_card"}


def test_nothing_is_left_to_do_nor_to_ask(ran, service):
    assert planned(ran, service) == set()


def test_what_no_result_depends_on_runs_nothing(ran, service):
    settings = overlay("http://127.0.0.1:1/v1")["world"]["generated"]
    settings |= {"budget": {"requests": 7}, "prices": {"input": 3.0}}
    settings["service"] |= {"connections": 2, "timeout": 9, "requests_per_minute": 3}
    assert planned(ran, service, {"generated": settings}) == set()


def test_a_changed_prompt_runs_its_stage_and_later_ones(ran, service, tmp_path):
    folder = ran.copy(tmp_path / "folder")
    folder.replace("src/lethe/world/generated/prompts/perturbations.md", "plausible", "likely")
    assert planned(folder, service) == {"authors_perturbations"} | AFTER
    service.forget()
    folder.run("results/smoke/data/full.json", overlay=overlay(service.url))
    assert set(service.stages) == {"perturbations"}


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({"checks": {"perturbations": {"template": 0.5}}}, "perturbations"),
        ({"batch": {"paraphrases": 5}}, "paraphrases"),
        ({"checks": {"pairs": {"alike": 0.8}}}, "pairs"),
        ({"attempts": 5}, "profiles"),
        ({"model": {"name": MODEL, "patterns": True}}, "profiles"),
    ],
)
def test_a_setting_runs_the_stage_that_uses_it_and_later_ones(settings, first, ran, service):
    changed = overlay(service.url)["world"]["generated"] | settings
    jobs = {f"authors_{stage}" for stage in STAGES[STAGES.index(first) :]}
    also = {"lists", "authors_draws"} if first == "profiles" else set()
    assert planned(ran, service, {"generated": changed}) == jobs | also | AFTER


def test_more_authors_ask_for_the_new_ones_only(ran, service, tmp_path):
    folder = ran.copy(tmp_path / "folder")
    before = (folder / "results/smoke/data/full.json").read_text()
    service.forget()
    folder.run("results/smoke/data/full.json", overlay=overlay(service.url, authors=20))
    assert service.stages["profiles"] == 10
    assert sum(service.asked.values()) == 10 * (1 + 1 + 2 + 4)
    assert (folder / "results/smoke/data/full.json").read_text().startswith(before)


def test_deleted_results_cost_nothing(ran, service, tmp_path):
    """The journal outlives the results, and gives the same bytes without any service."""
    folder = ran.copy(tmp_path / "folder")
    before = folder.results("data/*")
    shutil.rmtree(folder / "results/smoke")
    shutil.rmtree(folder / ".snakemake")
    folder.run("results/smoke/data/README.md", overlay=overlay(service.url))
    assert folder.results("data/*") == before


def test_the_key_is_nowhere(ran):
    files = [path for path in ran.path.rglob("*") if path.is_file() and not path.is_symlink()]
    leaks = [path for path in files if KEY.encode() in path.read_bytes()]
    # The tests themselves hold it.
    assert {path.relative_to(ran.path).as_posix() for path in leaks} <= {"tests/helpers/service.py"}


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"model": {"name": "other"}}, KEY, ["no model 'other'", "404"]),
        ({}, "sk-wrong", ["the key is not accepted", "OPENAI_API_KEY"]),
        ({}, None, ["OPENAI_API_KEY", "not set"]),
        ({"service": {"base_url": "http://127.0.0.1:1/v1"}}, KEY, ["cannot be reached"]),
        ({"modle": {}}, KEY, ["config: world.generated.modle", "unknown key"]),
    ],
)
def test_bad_input_is_one_line(change, key, words, service, tmp_path, monkeypatch):
    if key is None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    else:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    settings = overlay(service.url)["world"]["generated"] | change
    folder = sources(tmp_path)
    outcome = folder.snakemake(
        "results/smoke/stages/lists/lists.json", overlay=overlay(service.url, generated=settings)
    )
    assert outcome.code != 0
    (line,) = outcome.errors
    for word in words:
        assert word in line
    assert "Traceback" not in outcome.output
    assert "sk-" not in outcome.output


@pytest.mark.slow
def test_the_whole_pipeline_on_a_generated_world(service, tmp_path):
    """By one setting; background authors stay synthetic. The report has the card, not the key."""
    folder = sources(tmp_path)
    outcome = folder.run(overlay=overlay(service.url))
    assert "background" in outcome.jobs
    assert not {job for job in outcome.jobs if job.startswith("background_")}
    assert folder.results("tables/summary.md")
    made = folder.snakemake(
        "--report", "results/snakemake-report.html", overlay=overlay(service.url)
    )
    assert made.code == 0, made.end
    report = (folder / "results/snakemake-report.html").read_text(encoding="utf-8")
    assert "data card" in report
    assert KEY not in report + made.output + outcome.output


def test_real_languages_are_asked_for_after_the_authors(ran, service):
    """Last, because it adds to the folder; nothing that was made is made again."""
    target = "results/smoke/data/forget10_in_L0_languages.json"
    laid = overlay(service.url, languages={"learned": ["German"]}) | {"splits": ["forget10_in_L0"]}
    service.forget()
    outcome = ran.run(target, overlay=laid)
    assert outcome.jobs == {"translations_asked", "split_forget10_in_L0"}
    assert set(service.stages) <= {"probe", "translations"}
    (first, *_) = read_rows(ran / target)
    assert [one["language"] for one in first["languages"]] == ["L0", "German"]
    assert first["languages"][1]["answer"] == in_language(first["answer"], "German")
