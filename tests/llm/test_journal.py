"""Nothing is lost and nothing is paid twice."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.generated_worlds import generation, made
from helpers.journals import ANSWER, put
from helpers.service import Service

from lethe.common.errors import LetheError
from lethe.llm.journal import Journal, Request, Usage, key_of

LATENCY = 0.03
PROGRAM = """
import sys
from pathlib import Path
from helpers.generated_worlds import generation, made
made(Path(sys.argv[2]), generation(sys.argv[1], service={"timeout": 5.0, "connections": 4}), 12, 2)
"""


def test_answers_are_found_by_content_alone(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        put(journal, {"a": 1, "b": [2]}, {"a": 2})
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.find(key_of({"b": [2], "a": 1})) == ANSWER
        assert journal.find(key_of({"a": 3})) is None
        assert journal.usage() == Usage(2, 6, 8)


def test_an_answer_is_kept_before_it_is_used(tmp_path):
    """As soon as keep() returns, another process sees it."""
    with Journal(tmp_path / "j.sqlite") as journal:
        put(journal, {"a": 1})
        other = sqlite3.connect(tmp_path / "j.sqlite")
        assert other.execute("SELECT content FROM answers").fetchall() == [("yes",)]


def test_what_is_kept_soon_reaches_the_disk(tmp_path):
    """The file itself has it, without the log beside it."""
    with Journal(tmp_path / "j.sqlite") as journal:
        put(journal, {"a": 1})
        time.sleep(1.1)
        put(journal, {"a": 2})
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            (tmp_path / "copy.sqlite").write_bytes((tmp_path / "j.sqlite").read_bytes())
            found = sqlite3.connect(tmp_path / "copy.sqlite")
            if found.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                break
            time.sleep(0.05)
        assert found.execute("SELECT count(*) FROM answers").fetchone() == (2,)


def test_requests_of_a_killed_run_count_as_sent(tmp_path):
    journal = Journal(tmp_path / "j.sqlite")
    one, two, three = (Request.of("pairs", {"a": n}) for n in range(3))
    journal.takes_off(one, 10, 20)
    journal.failed(journal.takes_off(two, 1, 2), "pairs", "time-out", 1, 2)
    # Kept, but killed before its end was noted.
    journal.takes_off(three, 5, 6)
    journal.keep(100, three, ANSWER)
    journal.close()
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.usage() == Usage(3, 10 + 1 + 3, 20 + 2 + 4)
        assert journal.failures() == {"killed": 1, "time-out": 1}


def test_one_run_at_a_time(tmp_path):
    with Journal(tmp_path / "j.sqlite"):
        with pytest.raises(LetheError, match="another run is writing it"):
            Journal(tmp_path / "j.sqlite")
        Journal(tmp_path / "j.sqlite", read_only=True).close()
    Journal(tmp_path / "j.sqlite").close()


def test_a_file_that_is_no_journal(tmp_path):
    (tmp_path / "j.sqlite").write_text("something else, " * 50)
    with pytest.raises(LetheError, match="not a journal of answers"):
        Journal(tmp_path / "j.sqlite")


def test_a_larger_world_asks_for_the_new_authors_only(service, tmp_path):
    """Authors do not depend on how many there are."""
    small = made(tmp_path, generation(service.url), 6, 2).read_text().splitlines()
    service.forget()
    large = made(tmp_path, generation(service.url), 9, 2).read_text().splitlines()
    assert large[:8] == small
    assert service.stages == {"profiles": 3, "pairs": 3, "paraphrases": 6, "perturbations": 12}


def test_another_prompt_asks_for_its_stage_only(service, tmp_path, monkeypatch):
    from lethe.llm import prompts
    from lethe.world.generated import prompt_files

    made(tmp_path, generation(service.url), 3, 0)
    service.forget()
    folder = tmp_path / "prompts"
    folder.mkdir()
    for file in prompt_files.FOLDER.glob("*.md"):
        text = file.read_text().replace("plausible", "likely")
        (folder / file.name).write_text(text)
    monkeypatch.setattr(prompt_files, "FOLDER", folder)
    assert prompts.load(folder / "pairs.md").digest == prompt_files.prompt("pairs").digest
    made(tmp_path, generation(service.url), 3, 0)
    assert set(service.stages) == {"perturbations"}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def killed_and_continued(folder: Path, kills: int, seed: int) -> None:
    """Kill a run at random moments; each continuation asks only for what is missing."""
    rng = random.Random(seed)
    with Service() as service:
        whole = made(folder / "whole", generation(service.url), 12, 2).read_bytes()
        requests = sum(service.asked.values())
    with Service(latency=LATENCY) as service:
        command = [sys.executable, "-c", PROGRAM, service.url]
        for _ in range(kills):
            # After some requests of this run, at any time before the next ones are answered.
            number, after = rng.randint(1, 2 * requests // kills), rng.uniform(0, LATENCY)
            _kill_after(command, folder / "killed", service, number, after)
        done = subprocess.run(
            [*command, str(folder / "killed")],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "killed/authors/perturbations.json").read_bytes() == whole
    with Journal(folder / "killed/journal.sqlite") as journal:
        lost = journal.failures().get("killed", 0)
    # Each repeated request was under way at a kill: four connections, so four at the most. The same
    # one may have been so at several.
    repeated = sum(service.asked.values()) - requests
    assert repeated <= lost <= 4 * kills


def _kill_after(command, folder: Path, service: Service, requests: int, after: float) -> None:
    kept = _kept(folder)
    start = len(service.log)
    process = subprocess.Popen(
        [*command, str(folder)], env=environment(), stderr=subprocess.DEVNULL
    )
    while len(service.log) < start + requests and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not kept & set(service.log[start:]), "asked again for what the journal had"


def _kept(folder: Path) -> set[str]:
    if not (folder / "journal.sqlite").exists():
        return set()
    base = sqlite3.connect(folder / "journal.sqlite")
    keys = {key for (key,) in base.execute("SELECT key FROM answers")}
    base.close()
    return keys


def test_killed_runs_lose_nothing(tmp_path):
    killed_and_continued(tmp_path, kills=3, seed=int(os.environ.get("KILL_SEED", "0")))


@pytest.mark.slow
def test_twenty_killed_runs_lose_nothing(tmp_path):
    killed_and_continued(tmp_path, kills=20, seed=1)
