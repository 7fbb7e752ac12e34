"""What goes wrong in passing changes nothing; what is wrong for good is one line at once."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.generated_worlds import generation, made
from helpers.service import FATAL, KEY, MODEL, PASSING, SPOILT, UNUSABLE, Service, mixture

from lethe.common.errors import LetheError
from lethe.llm.client import Client
from lethe.llm.failures import Transient
from lethe.llm.journal import Journal
from lethe.llm.probe import messages
from lethe.world.generated.candidate import read

ROOT = Path(__file__).parents[2]


def plain(path: Path) -> list:
    """Candidates without the count of what was refused on the way, which is not part of them."""
    return [candidate.model_copy(update={"rejected": {}}) for candidate in read(path)]


def asked(server: Service, folder: Path, body: dict, **changes):
    """One request to the service by itself."""
    settings = generation(server.url, **changes)

    async def ask():
        with Journal(folder / "journal.sqlite") as journal:
            async with Client(settings.model, settings.service, journal) as client:
                answer = await client.fetch("pairs", body)
                return answer, client.counts, journal.failures()

    return asyncio.run(ask())


@pytest.fixture
def body():
    return {"model": MODEL, "messages": messages("text"), "max_tokens": 100}


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_failure_is_retried(kind, body, tmp_path):
    with Service(fault=lambda body, tries: kind if tries < 2 else None) as service:
        answer, counts, failures = asked(service, tmp_path, body, service={"timeout": 1.5})
    assert answer.content.startswith("An otter")
    assert (counts.sent, counts.retried, sum(failures.values())) == (3, 2, 2)
    assert max(service.answered.values()) == 1


def test_retry_after_holds_back_every_request(body, tmp_path):
    """A service that wants a pause gets it from all connections, in seconds or until a date."""
    bodies = [{**body, "max_tokens": 100 + n} for n in range(6)]

    def fault(body, tries):
        return "429_after" if (body["max_tokens"], tries) == (100, 0) else None

    for kind, least in (("seconds", 0.55), ("date", 0.9)):
        asked_for = "0.6" if kind == "seconds" else formatdate(time.time() + 3, usegmt=True)
        with Service(fault=fault, retry_after=asked_for, latency=0.01) as service:
            settings = generation(service.url, service={"connections": 2})

            async def ask(settings=settings, folder=tmp_path / str(least)):
                with Journal(folder / "journal.sqlite") as journal:
                    async with Client(settings.model, settings.service, journal) as client:
                        await asyncio.gather(*[client.fetch("probe", b) for b in bodies])

            asyncio.run(ask())
        # Two were under way when the service said so; the others waited.
        gaps = [later - sooner for sooner, later in pairwise(service.times)]
        assert len(service.times) == 7
        assert max(gaps) > least
        assert all(gap < least for gap in gaps[:1] + gaps[-3:])


def test_backoff_grows_and_varies(body, tmp_path):
    with Service(fault=lambda body, tries: "503" if tries < 4 else None) as service:
        asked(service, tmp_path, body, service={"backoff": 0.1, "longest_backoff": 10.0})
    gaps = [later - sooner for sooner, later in pairwise(service.times)]
    for number, gap in enumerate(gaps):
        assert 0.05 * 2**number < gap < 0.1 * 2**number + 0.15
    # Times on a busy machine vary by themselves: that the pause does is seen where it is made.
    with Journal(tmp_path / "other.sqlite") as journal:
        settings = generation(service.url, service={"backoff": 1.0, "longest_backoff": 5.0})
        client = Client(settings.model, settings.service, journal)
        first, sixth = ([client._wait(tried(n)) for _ in range(50)] for n in (1, 6))
    assert 0.5 <= min(first) < 0.7 < 0.8 < max(first) <= 1.0
    assert 2.5 <= min(sixth) < max(sixth) <= 5.0


def tried(number: int):
    """What tenacity hands over after so many tries."""
    failure = SimpleNamespace(exception=lambda: Transient("status 503"))
    return SimpleNamespace(attempt_number=number, outcome=failure)


def test_it_gives_up_in_the_end(body, tmp_path):
    with (
        Service(fault=lambda body, tries: "500") as service,
        pytest.raises(LetheError, match=r"no answer in 3 tries \(the last: status 500: "),
    ):
        asked(service, tmp_path, body, service={"tries": 3})
    assert sum(service.asked.values()) == 3


@pytest.mark.parametrize("kind", [*UNUSABLE, *SPOILT])
def test_a_bad_answer_is_asked_for_again(kind, tmp_path):
    """Only what failed is asked for again, by another request, and the world is the same."""
    with Service() as service:
        good = plain(made(tmp_path / "good", generation(service.url), 2, 0))

    def fault(body, tries):
        first = "This is attempt" not in body["messages"][-1]["content"]
        return kind if first and "The author:" in body["messages"][-1]["content"] else None

    with Service(fault=fault, journal=tmp_path / "bad/journal.sqlite") as service:
        path = made(tmp_path / "bad", generation(service.url), 2, 0)
    assert plain(path) == good
    assert not service.again
    counts = {sum(c.rejected["pairs"].values()) for c in read(path)}
    assert counts == {1}
    again = [b for b in service.bodies.values() if "This is attempt 2" in str(b["messages"])]
    if kind == "twenty_one":
        assert not again
    elif kind in SPOILT:
        assert all("exactly 1 question" in b["messages"][-1]["content"] for b in again)
        assert len(again) == 2


def test_a_mixture_of_faults_changes_nothing(overdue, tmp_path):
    """Fifty authors, two in five requests failing: the world of a service without faults.

    Each time a request comes, the service looks whether the journal has its answer.
    """
    with Service() as service:
        good = made(tmp_path / "good", generation(service.url), 50, 0)
    with Service(
        fault=mixture(*PASSING), journal=tmp_path / "passing/journal.sqlite", overdue=overdue
    ) as service:
        passing = made(tmp_path / "passing", generation(service.url), 50, 0)
        assert min(service.faults[kind] for kind in PASSING) > 0
        assert not service.again
    assert passing.read_bytes() == good.read_bytes()
    kinds = (*PASSING, *UNUSABLE, *SPOILT)
    with Service(
        fault=mixture(*kinds), journal=tmp_path / "mixed/journal.sqlite", overdue=overdue
    ) as service:
        mixed = made(tmp_path / "mixed", generation(service.url), 50, 0)
        assert min(service.faults[kind] for kind in (*PASSING, *UNUSABLE)) > 0
        assert sum(service.faults[kind] for kind in SPOILT) > 0
        assert not service.again
    assert plain(mixed) == plain(good)


def test_the_service_sees_what_is_asked_again(body, tmp_path):
    """What ``again`` counts in these tests can happen: here a client that forgets its journal."""
    with Service(journal=tmp_path / "journal.sqlite") as service:
        asked(service, tmp_path, body)
        assert not service.again
        settings = generation(service.url)
        with Journal(tmp_path / "other.sqlite") as journal:
            client = Client(settings.model, settings.service, journal)
            asyncio.run(client.fetch("pairs", body))
        assert service.again == 1


def test_the_journal_alone_makes_the_same_bytes(overdue, tmp_path):
    with Service(fault=mixture(*PASSING, *UNUSABLE, *SPOILT), overdue=overdue) as service:
        first = made(tmp_path / "one", generation(service.url), 6, 1).read_bytes()
        service.forget()
        (tmp_path / "two").mkdir()
        (tmp_path / "one/journal.sqlite").rename(tmp_path / "two/journal.sqlite")
        assert made(tmp_path / "two", generation(service.url), 6, 1).read_bytes() == first
        assert not service.asked


# --- what is wrong for good ---------------------------------------------------------------------


def test_an_unknown_model(tmp_path):
    with (
        Service() as service,
        pytest.raises(LetheError, match=r"no model 'other' there.*404.*correct the model's name"),
    ):
        made(tmp_path, generation(service.url, model={"name": "other"}))
    assert service.received == 1


def test_a_bad_key_fails_at_once_and_is_never_shown(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key")
    with (
        Service() as service,
        pytest.raises(LetheError, match="the key is not accepted") as caught,
    ):
        made(tmp_path, generation(service.url))
    assert "sk-wrong-key" not in f"{caught.value}{caplog.text}"
    # Nor does it hang on an exception of the client's, with the request's headers in it.
    chain = [caught.value]
    while error := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(error)
    assert {type(error) for error in chain} == {LetheError}
    assert "\n" not in str(caught.value)
    assert service.received == 1
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.usage().requests == 1


def test_a_missing_key(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with Service() as service, pytest.raises(LetheError, match="variable OPENAI_API_KEY: not set"):
        made(tmp_path, generation(service.url))
    assert not service.received


@pytest.mark.parametrize(
    "key", ["sk-one\nsk-two", "sk-one sk-two", "sk-\N{CYRILLIC SMALL LETTER IE}"]
)
def test_a_key_that_cannot_be_one(key, tmp_path, monkeypatch):
    """Sent as it is, it would stand in an exception of the library's."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with (
        Service() as service,
        pytest.raises(LetheError, match=r"OPENAI_API_KEY: has a blank, a line break") as caught,
    ):
        made(tmp_path, generation(service.url))
    assert "sk-" not in str(caught.value)
    assert not service.received


@pytest.mark.parametrize("kind", FATAL)
def test_what_a_service_will_never_do_ends_the_run_without_the_key(kind, body, tmp_path):
    """One request, one line; the key, which the service repeats, is not in it."""
    with Service(fault=lambda body, tries: kind) as service, pytest.raises(LetheError) as caught:
        asked(service, tmp_path, body)
    assert service.received == 1
    assert f"{kind[:3]}" in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ("Not with [key], [key]" in str(caught.value)) == (kind != "403")


def test_a_service_without_key_is_asked_without_one(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with Service() as service, pytest.raises(LetheError, match="key from the environment: none"):
        made(tmp_path, generation(service.url, service={"key_variable": None}))


def test_an_address_where_nobody_listens(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(LetheError, match=r"cannot be reached \(ConnectError\); start the service"):
        made(tmp_path, generation(url))


def test_a_key_in_the_address_is_refused():
    from lethe.world.generated.settings import generation as checked

    url = f"https://user:{KEY}@example.org/v1"
    world = {"generated": {"model": {"name": "m"}, "service": {"base_url": url}}}
    with pytest.raises(LetheError, match=r"service\.base_url: a base url carries no key") as caught:
        checked(world)
    assert KEY not in str(caught.value)


# --- the key ------------------------------------------------------------------------------------


def test_the_key_is_in_no_file_and_no_output(tmp_path):
    """All faults, full debugging of every library, and a service that repeats the key."""
    program = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        "from helpers.generated_worlds import generation, made\n"
        "made(Path(sys.argv[2]), generation(sys.argv[1], service={'timeout': 1.0}), 3, 0)\n"
    )
    with Service(fault=mixture(*PASSING, *UNUSABLE), repeats=KEY) as service:
        done = subprocess.run(
            [sys.executable, "-c", program, service.url, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OPENAI_LOG": "debug"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert KEY not in done.stdout + done.stderr
    assert "[key]" in "".join(p.read_text() for p in tmp_path.rglob("profiles.json"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_service_that_wants_to_be_left_alone_for_long(body, tmp_path):
    with (
        Service(fault=lambda body, tries: "429_after", retry_after="3600") as service,
        pytest.raises(LetheError, match="asks to be left alone for 3600 s; run again then"),
    ):
        asked(service, tmp_path, body)
    assert sum(service.asked.values()) == 1


def test_an_error_stops_all_connections(tmp_path):
    """What was under way is kept, nothing more is sent, and backing off is cut short."""

    def fault(body, tries):
        text = body["messages"][-1]["content"]
        return "503" if "The author:" in text and "10." in text and tries < 50 else None

    with Service(fault=fault, latency=0.02, journal=tmp_path / "journal.sqlite") as service:
        settings = generation(
            service.url,
            service={"tries": 2, "connections": 4, "backoff": 0.05, "longest_backoff": 0.05},
        )
        with pytest.raises(LetheError, match="no answer in 2 tries"):
            made(tmp_path, settings, 30, 0)
        assert service.stages["pairs"] <= 4 + 4
        kept = sum(service.answered.values())
        service.fault = lambda body, tries: None
        made(tmp_path, settings, 30, 0)
        assert not service.again
    assert kept >= 30


def test_an_error_stops_those_who_wait_for_the_next_minute(body, tmp_path):
    """One request a minute: the others wait for theirs, and must not when the first has failed."""
    with Service(fault=lambda body, tries: "400") as service:
        settings = generation(service.url, service={"requests_per_minute": 1})
        bodies = [{**body, "max_tokens": 100 + n} for n in range(5)]

        async def ask():
            with Journal(tmp_path / "journal.sqlite") as journal:
                async with Client(settings.model, settings.service, journal) as client:
                    asked_for = [client.fetch("pairs", one) for one in bodies]
                    return await asyncio.gather(*asked_for, return_exceptions=True)

        start = time.monotonic()
        ends = asyncio.run(ask())
    assert time.monotonic() - start < 30
    assert service.received == 1
    assert {type(end).__name__ for end in ends} == {"Refused", "LetheError"}


def test_progress_on_a_terminal_and_elsewhere(monkeypatch, caplog):
    import io

    from lethe.llm.progress import Counts, Progress

    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    counts = Counts(sent=9, retried=2, rejected=1, tokens=500, cost=0.25, reused=4)
    bar = Progress("pairs", 4, counts)
    bar.step()
    bar.step(failed=True)
    bar.close()
    shown = screen.getvalue().rpartition("\r")[2]
    for words in ("1/4", "1 failed", "2 retried", "1 rejected", "500 tokens", "cost 0.25", "<"):
        assert words in shown
    screen.isatty = lambda: False
    caplog.set_level("INFO")
    lines = Progress("pairs", 4, counts, every=0.0)
    lines.step()
    assert "s left" not in caplog.text
    lines._start -= 30
    lines.step()
    lines.step()
    for words in ("pairs: 3 of 4", "0 failed", "2 retried", "500 tokens", "cost 0.25", "s left"):
        assert words in caplog.text
