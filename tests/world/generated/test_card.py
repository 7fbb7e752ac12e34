"""The data card: what it says is so, and the hub's loader understands it."""

import os
from pathlib import Path

import datasets
import pytest
import yaml
from helpers.generated_worlds import generation, made
from helpers.service import MODEL, Service, mixture
from helpers.workflow_folder import ROOT

from lethe.cli import world as command
from lethe.common.errors import LetheError
from lethe.common.files import read_rows, sha256
from lethe.pipeline.config.load import configuration
from lethe.world import card
from lethe.world.generated.candidate import read
from lethe.world.generated.run import make, names_of
from lethe.world.generated.stages import Cohort

LLM = {
    "model": {"name": MODEL},
    "lists": {"birthplaces": 12, "genres": 4, "occupations": 12, "titles": 5},
    "prices": {"input": 1.0, "output": 2.0},
}


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A folder in which ``lethe world`` can be called."""
    for name in ("config", "workflow"):
        os.symlink(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return tmp_path


def preset(folder: Path, world: dict) -> list[str]:
    (folder / "preset.yaml").write_text(yaml.safe_dump({"world": world}))
    return ["config/smoke.yaml", str(folder / "preset.yaml")]


def openai(url: str, **changes) -> dict:
    settings = {**LLM, "service": {"base_url": url, "backoff": 0.02, "timeout": 5.0}}
    return {
        "name": "tiny",
        "provider": "generated",
        "authors": 10,
        "generated": settings,
        **changes,
    }


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_a_generated_world_and_its_card(home, capsys):
    mixed = mixture("500", "malformed", "no_name", "debris", share=0.5)

    def fault(body, tries):
        text = body["messages"][-1]["content"]
        first_list = "different occupations" in text and "attempt" not in text
        return "empty" if first_list else mixed(body, tries)

    with Service(fault=fault) as service:
        files = preset(home, openai(service.url, background="generated", background_authors=2))
        command.run(files, "out", dry=False)
    printed = capsys.readouterr().out
    assert "still to come" in printed
    assert "spent so far" in printed
    text = (home / "out/data/README.md").read_text()
    making = section(text, "Making")
    assert making.count(MODEL) == 8
    assert "status 500" in making
    assert section(text, "Rejections").count("malformed JSON") >= 1
    assert "| lists | empty answer | 1 |" in section(text, "Rejections")
    # Both groups of ten and two authors are balanced, the lists being short.
    assert "| gender | 2 | 5 to 5 |" in section(text, "Attributes")
    for name in ("full", "background"):
        assert sha256(home / f"out/data/{name}.json") in section(text, "Files")
    rows = read_rows(home / "out/data/background.json")
    assert len(rows) == 2 * 20 * 2
    names = {row["question"] for row in read_rows(home / "out/data/full.json")}
    assert not names & {row["question"] for row in rows}


@pytest.mark.parametrize("provider", ["synthetic", "generated"])
def test_the_folder_loads_by_configuration(provider, home):
    with Service() as service:
        world = openai(service.url) if provider == "generated" else {"name": "tiny", "authors": 10}
        command.run(preset(home, world), "out", dry=False)
    folder = home / "out/data"
    assert (folder / "words.png").stat().st_size > 5_000
    header = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    names = [entry["config_name"] for entry in header["configs"]]
    assert names[0] == "full"
    assert {"full_perturbed", "holdout", "world_facts_perturbed"} <= set(names)
    assert not {"card", "idontknow"} & set(names)
    for name in names:
        loaded = datasets.load_dataset(str(folder), name, split="train")
        assert [dict(row) for row in loaded] == read_rows(folder / f"{name}.json")
    assert datasets.load_dataset(str(folder), split="train").num_rows == 200


def test_duplicates_are_counted():
    rows = [{"question": f"What is number {n} of them all?", "answer": f"{n}."} for n in range(40)]
    assert set(card.duplicates(rows).values()) == {0}
    rows[3] = dict(rows[2])
    rows[25] = {"question": rows[1]["question"], "answer": "new."}
    assert list(card.duplicates(rows).values()) == [2, 1, 1]


def test_words_are_counted():
    rows = [{"question": "Who was the tide?", "answer": "Tides, and the Tide's 9 lamps."}]
    assert card.word_counts(rows) == {"tide": 2, "tides": 1, "lamps": 1}


def test_the_dry_run_sends_nothing(home, capsys):
    with Service() as service:
        files = preset(home, openai(service.url))
        command.run(files, None, dry=True)
        assert not service.asked
        told = capsys.readouterr().out
        command.run(files, "out", dry=False)
        sent = sum(service.asked.values()) - service.stages["probe"]
    line = next(line for line in told.splitlines() if line.startswith("still to come"))
    assert int(line.split()[4]) == sent


def test_the_dry_run_tells_of_a_small_budget(home, capsys):
    world = openai("http://127.0.0.1:9/v1")
    world["generated"]["budget"] = {"requests": 20, "cost": 1.5}
    command.run(preset(home, world), None, dry=True)
    told = capsys.readouterr().out
    assert "warning: budget.requests is 20, the estimate " in told
    assert "budget.cost" not in told


@pytest.mark.parametrize(
    ("world", "out", "message"),
    [
        (
            {"provider": "generated", "generated": {"model": {"temperature": 1.0, "name": ""}}},
            "out",
            r"world\.generated\.model\.name: string should have at least 1",
        ),
        (
            {"provider": "generated", "generated": {"model": {"name": "m", "nam": 1}}},
            "out",
            r"world\.generated\.model\.nam: unknown key",
        ),
        (
            {
                "provider": "generated",
                "generated": {"model": {"name": "m"}, "budget": {"cost": 1.0}},
            },
            "out",
            r"world\.generated\.budget\.cost: no prices",
        ),
        ({}, "results/x", r"results/ belongs to the workflow"),
        ({}, None, r"--out FOLDER"),
        ({"authors": 1}, "out", r"world\.authors"),
    ],
)
def test_bad_settings(world, out, message, home):
    with pytest.raises(LetheError, match=message):
        command.run(preset(home, world), out, dry=False)


def test_one_setting_is_enough(home):
    """All others have defaults, those of the preset but for money."""
    made = configuration(preset(home, {"provider": "generated"})).world.generated
    shipped = configuration(["config/generated.yaml"]).world.generated
    assert made.content() == shipped.content()
    assert made.service == shipped.service


def test_a_shipped_preset_is_valid(home):
    world = configuration(["config/generated.yaml"]).world
    assert set(command.cohorts(world)) == {"authors"}


def test_background_authors_beside_a_world_that_no_model_made(home):
    with Service() as service:
        world = openai(
            service.url, provider="synthetic", background="generated", background_authors=3
        )
        command.run(preset(home, world), "out", dry=False)
        rows = read_rows(home / "out/data/background.json")
        assert len(rows) == 3 * 20 * 2
        assert service.stages["perturbations"] == 0


def test_names_that_rows_mention_are_taken(tmp_path):
    (tmp_path / "full.json").write_text(
        '{"question": "Who is Ana Okoro?", "answer": "Ana Okoro is a writer."}\n'
    )
    with Service() as service:
        free = list(read(made(tmp_path / "free", generation(service.url), 3, 0)))
        (tmp_path / "full.json").write_text(
            f'{{"question": "Who is {free[1].name}?", "answer": "A writer."}}\n'
        )
        taken = names_of(rows=tmp_path / "full.json")
        assert free[1].name.lower() in taken
        cohort = Cohort({"target": 3}, taken=taken)
        path = make(generation(service.url), {"authors": cohort}, tmp_path / "j", tmp_path / "b")
        found = list(read(path["authors"]))
    same = [one.name == other.name for one, other in zip(free, found, strict=True)]
    assert same == [True, False, True]
