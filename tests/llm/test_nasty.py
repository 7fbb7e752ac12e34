"""Whatever a service sends, it is an answer, a failure in passing, or the end in one line."""

import asyncio
import base64
import json
import socket
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from helpers.generated_worlds import generation, made
from helpers.nasty_service import Nasty, completion, response
from helpers.service import KEY, MODEL, Service, stage_of

from lethe.common.errors import LetheError
from lethe.llm import reading
from lethe.llm.client import Client
from lethe.llm.connection import _retry_after
from lethe.llm.journal import Journal
from lethe.llm.limits import bounds
from lethe.llm.probe import messages
from lethe.llm.redaction import Redaction
from lethe.llm.settings import Service as Settings
from lethe.world.generated.candidate import read

# However busy the machine: no good answer shall count as a time-out.
PATIENT = {"timeout": 60.0}
BODY = {"model": MODEL, "messages": messages("text"), "max_tokens": 100}


def asked(server: Service, folder: Path, **changes):
    """One request; the answer, and what the journal has counted."""
    settings = generation(
        server.url, **{**changes, "service": PATIENT | changes.get("service", {})}
    )

    async def ask():
        with Journal(folder / "journal.sqlite") as journal:
            budget, prices = settings.budget, settings.prices
            async with Client(settings.model, settings.service, journal, budget, prices) as client:
                answer = await client.fetch("pairs", BODY)
            return answer, journal.usage(), journal.failures()

    return asyncio.run(ask())


def kept(folder: Path) -> bytes:
    """All that a journal has written."""
    return b"".join(path.read_bytes() for path in folder.glob("journal.sqlite*"))


# --- one answer blocks nothing ------------------------------------------------------------------

DIGITS = "9" * 5000
DEEP = "[" * 100_000 + "]" * 100_000
BLOCKING = {
    "digits": f'{{"pairs": [{{"number": {DIGITS}, "question": "a", "answer": "b"}}]}}',
    "nesting": f'{{"pairs": {DEEP}}}',
    "surrogate": '{"pairs": [{"number": 1, "question": "a\\ud83d", "answer": "b"}]}',
    "escape": '{"pairs": [{"number": 1, "question": "a\\u001b[2J", "answer": "b"}]}',
    "override": '{"pairs": [{"number": 1, "question": "a\u202e", "answer": "b"}]}',
    "nul": '{"pairs": [{"number": 1, "question": "a\\u0000", "answer": "b"}]}',
    "separator": '{"pairs": [{"number": 1, "question": "a\u2028b", "answer": "b"}]}',
    "endless": '{"pairs": [{"number": 1, "question": "%s", "answer": "b"}]}' % ("born " * 9000),
    "huge": '{"pairs": "%s"}' % ("a" * 300_000),
    "half": "a\ud83d",
    "number": 7,
    "object": {"pairs": []},
    "truth": [True],
}


@pytest.mark.parametrize("kind", BLOCKING)
def test_an_answer_that_cannot_be_read_is_asked_for_again(kind, tmp_path):
    """The author is whole, the answer is kept once, and a rerun asks for nothing."""
    bad = BLOCKING[kind]

    def say(body, tries):
        first = stage_of(body) == "pairs" and "This is attempt" not in str(body["messages"])
        return completion(bad) if first else None

    with Nasty(say=say) as service:
        settings = generation(service.url)
        path = made(tmp_path, settings, 1, 0)
        (candidate,) = read(path)
        assert sum(candidate.rejected["pairs"].values()) == 1
        assert len(candidate.entries) == 20
        first, received = path.read_bytes(), service.received
        assert made(tmp_path, settings, 1, 0).read_bytes() == first
        assert service.received == received


RUNS = [
    "book" + " " * 40_000,
    "name" + "-" * 40_000,
    "\n" * 40_000,
    "1" + "\t" * 40_000 + "x",
    "Q" + "1" * 40_000,
    "1" * 5_000 + ": digits.",
    "Q" + "9" * 5_000 + ": Who?\nA: I.",
]


@pytest.mark.parametrize("text", RUNS, ids=lambda text: text[:5])
def test_plain_text_that_takes_for_ever_or_has_too_many_digits(text, tmp_path):
    def say(body, tries):
        first = "This is attempt" not in str(body["messages"])
        return completion(text) if first and stage_of(body) not in ("probe", "lists") else None

    with Nasty(say=say, offers=()) as service:
        (candidate,) = read(made(tmp_path, generation(service.url), 1, 0))
    assert candidate.alive


def test_a_probe_that_failed_is_made_again(tmp_path):
    """A bad moment at the very first question must not shut a journal for ever."""
    with Nasty(say=lambda body, tries: completion("")) as service:
        for _ in range(2):
            with pytest.raises(LetheError, match="use a stronger model"):
                made(tmp_path, generation(service.url, service=PATIENT), 1, 0)
        assert service.received == 8
        service.say = lambda body, tries: None
        made(tmp_path, generation(service.url, service=PATIENT), 1, 0)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.failures() == {"unusable probe": 8}
        assert journal.usage().requests == service.received


@pytest.mark.parametrize("tag", ["<think>Is it {this}?</think>\n", "So {that} it is.</think>"])
def test_thoughts_before_an_answer(tag, tmp_path):
    """Of reasoning models, in JSON and in text, with and without the tag that begins them."""
    for offers in (("json_object",), ()):
        with Service(offers=offers) as plain:
            good = made(tmp_path / "good" / str(len(offers)), generation(plain.url), 1, 0)

        class Thinking(Nasty):
            def _completion(self, *args):
                found = json.loads(super()._completion(*args))
                message = found["choices"][0]["message"]
                message["content"] = tag + message["content"]
                return json.dumps(found).encode()

        with Thinking(offers=offers) as service:
            path = made(tmp_path / "thinking" / str(len(offers)), generation(service.url), 1, 0)
        assert path.read_bytes() == good.read_bytes()


# --- headers and figures ------------------------------------------------------------------------

SAID = ["0", "-5", "nan", "inf", "-inf", "1e999", "9" * 5000, "soon", "", "1, 2",
        "Fri, 31 Dec 99999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +2359",
        "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 32 Foo 2020 99:99:99 GMT", "\xff\xfe"]  # fmt: skip


@pytest.mark.parametrize("said", SAID, ids=lambda said: said[:12])
def test_no_header_shortens_the_pause(said, tmp_path):
    """Each pause is the back-off's, whatever the service says."""
    busy = response(b"{}", "429 Too Many", f"Retry-After: {said}", f"Retry-After-Ms: {said}")
    with Nasty(say=lambda body, tries: busy if tries < 3 else completion()) as service:
        asked(service, tmp_path, service={"backoff": 0.2, "longest_backoff": 0.2})
    gaps = [b - a for a, b in zip(service.times, service.times[1:], strict=False)]
    assert len(gaps) == 3
    assert min(gaps) > 0.09


def test_what_a_header_says_is_understood():
    date = formatdate(time.time() + 50, usegmt=True)
    assert 45 < _retry_after({"retry-after": date}) <= 50
    assert 45 < _retry_after({"retry-after": date.replace("GMT", "-0000")}) <= 50
    assert _retry_after({"retry-after": "7"}) == 7
    assert _retry_after({"retry-after": "7", "retry-after-ms": "30"}) == 0.03
    assert _retry_after({"retry-after-ms": "-1", "retry-after": "7"}) == 7


def test_a_pause_without_end_is_told_in_one_short_line(tmp_path):
    busy = response(b"{}", "429 Too Many", "Retry-After: 1e300")
    with (
        Nasty(say=lambda body, tries: busy) as service,
        pytest.raises(LetheError, match="left alone for more than a hundred days"),
    ):
        asked(service, tmp_path)


@pytest.mark.parametrize(
    "raw", ["-7", "1e999", "NaN", "-Infinity", "1e30", '"many"', "[]", "true", "null", "-1e-3"]
)
def test_figures_that_are_none_count_as_the_most(raw, tmp_path):
    """Spent is never less than before, and a budget is kept."""
    usage = {"prompt_tokens": "RAW", "completion_tokens": "RAW"}
    said = completion("An otter.", raw=raw, usage=usage)
    with Nasty(say=lambda body, tries: said) as service:
        answer, usage, _ = asked(service, tmp_path, budget={"tokens": 10_000})
    assert (answer.prompt_tokens, answer.completion_tokens) == (bounds(BODY)[0], 9)
    assert usage.tokens == bounds(BODY)[0] + 9


@pytest.mark.parametrize(
    "usage", ["much", [], 3, {"prompt_tokens": "10", "completion_tokens": 4.0}]
)
def test_usage_of_any_form(usage, tmp_path):
    with Nasty(say=lambda body, tries: completion("Yes.", usage=usage)) as service:
        answer, *_ = asked(service, tmp_path)
    assert answer.completion_tokens == 4


@pytest.mark.parametrize("content", ["half \ud83d", {"a": 1}, 7, True, [7], "x" * 300_000])
def test_content_that_is_no_text(content, tmp_path):
    """Kept as far as it can be, and marked, so that no mode takes it for an answer."""
    with Nasty(say=lambda body, tries: completion(content)) as service:
        answer, usage, _ = asked(service, tmp_path)
    assert answer.finish == reading.UNREADABLE
    assert answer.content == ("half \\ud83d" if content == "half \ud83d" else answer.content)
    assert usage.requests == 1


def test_content_as_a_list(tmp_path):
    parts = [
        {"type": "thinking", "thinking": [{"text": "So."}]},
        {"type": "text", "text": "An "},
        {"type": "output_text", "text": "otter"},
        ".",
        {"type": "image_url"},
        None,
    ]
    with Nasty(say=lambda body, tries: completion(parts)) as service:
        answer, *_ = asked(service, tmp_path)
    assert (answer.content, answer.finish) == ("An otter.", "stop")


# --- time, place and size -----------------------------------------------------------------------


def test_a_byte_now_and_then_is_no_answer(tmp_path):
    """Each would satisfy a limit on silence; the whole has a limit, too."""
    slow = [b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", *[b" ", 0.05] * 4000]
    with (
        Nasty(say=lambda body, tries: slow) as service,
        pytest.raises(LetheError, match="no answer in 2 tries"),
    ):
        asked(service, tmp_path, service={"timeout": 0.5, "tries": 2})
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.failures() == {"time-out": 2}
        # They may be billed for all that they can have taken.
        assert journal.usage().completion_tokens == 200


def test_time_outs_say_which_setting_to_raise(tmp_path):
    silent = [60.0]
    with (
        Nasty(say=lambda body, tries: silent) as service,
        pytest.raises(LetheError, match=r"the last: time-out.*longer service\.timeout"),
    ):
        asked(service, tmp_path, service={"timeout": 0.3, "tries": 2})


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
def test_redirections_are_not_followed(status, tmp_path):
    """Nor does the key go anywhere else: one request, one line, which says where to."""
    with Nasty(say=lambda body, tries: completion()) as other:

        def say(body, tries):
            return response(b"", status, f"Location: {other.url}/x?key={KEY}")

        with (
            Nasty(say=say) as service,
            pytest.raises(LetheError, match=rf"elsewhere \(3.., to {other.url}/x\).*base_url"),
        ):
            asked(service, tmp_path, budget={"requests": 3})
        assert (service.received, other.received) == (1, 0)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.usage().requests == 1


def test_a_body_without_end(tmp_path):
    """A hundred MiB in chunks: it is not read to its end."""
    endless = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    endless += [b"100000\r\n" + b" " * (1 << 20) + b"\r\n"] * 100
    with (
        Nasty(say=lambda body, tries: endless) as service,
        pytest.raises(LetheError, match="broken answer: longer than 16 MiB"),
    ):
        asked(service, tmp_path, service={"tries": 2, "timeout": 60.0})


def test_an_odd_status_is_no_redirection(tmp_path):
    with (
        Nasty(say=lambda body, tries: response(b"", "304 Not Modified")) as service,
        pytest.raises(LetheError, match="the request is refused"),
    ):
        asked(service, tmp_path)


def test_redaction_of_endless_escapes_ends():
    """The square of their number would be hours."""
    redact = Redaction(KEY)
    for run in ("\\" * 250_000, "%25" * 80_000, "&#" + "0" * 250_000):
        assert redact(run) == run
        assert redact(f"{run}\\u0073{KEY[1:]}").endswith("[key]")


@pytest.mark.parametrize("port", ["99999", "0", "-1", "x"])
def test_a_port_that_is_none(port):
    with pytest.raises(ValueError, match="from 1 to 65535"):
        Settings(base_url=f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "[::1", "a b", "a\x1bb", "a\u2028b"])
def test_a_host_that_is_none(host):
    with pytest.raises(ValueError, match=r"base URL|IPv6"):
        Settings(base_url=f"http://{host}/v1")


@pytest.mark.parametrize(
    "proxy", ["foo://secret@x", "http://secret:p@ss@[::1", "http://h:99999999"]
)
def test_a_proxy_that_is_none(proxy, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "")
    with (
        Nasty() as service,
        pytest.raises(LetheError, match=r"HTTP_PROXY") as caught,
    ):
        asked(service, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_proxy_where_nobody_listens(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "")
    with Nasty() as service, pytest.raises(LetheError, match="HTTP_PROXY"):
        asked(service, tmp_path)


# --- the key ------------------------------------------------------------------------------------

QUOTED = KEY.encode()
FORMS = {
    "plain": KEY,
    "json": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "one letter": f"\\u0073{KEY[1:]}",
    "twice": "".join(f"\\\\u{ord(c):04X}" for c in KEY),
    "hex escape": "".join(f"\\x{ord(c):02x}" for c in KEY),
    "url": "".join(f"%{ord(c):02X}" for c in KEY),
    "url twice": "".join(f"%25{ord(c):02x}" for c in KEY),
    "some of it": KEY.replace("-", "%2D"),
    "html": "".join(f"&#{ord(c)};" for c in KEY),
    "html hex": "".join(f"&#x{ord(c):X};" for c in KEY),
    "hex": QUOTED.hex().upper(),
    "base64": base64.b64encode(QUOTED).decode(),
    "base64 in a text": base64.b64encode(b"Bearer " + QUOTED + b"!").decode(),
    "base64 of an address": base64.urlsafe_b64encode(b"k=" + QUOTED).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_key_is_kept_in_no_form(form, tmp_path):
    """In the content, the reason of the end, the model's name and a refusal."""
    said = f"before {FORMS[form]} after"
    with Nasty(say=lambda b, t: completion(said, finish_reason=said, model=said)) as service:
        answer, *_ = asked(service, tmp_path)
    for text in (answer.content, answer.finish, answer.model):
        # Of base64 the letters that neighbours have a part in may stay.
        assert "[key]" in text
        assert FORMS[form][8:-8] not in text
    assert FORMS[form][8:-8].encode() not in kept(tmp_path)
    assert KEY not in json.dumps(answer.content).encode().decode("unicode_escape")


def test_redaction_leaves_the_rest_alone():
    text = (
        'a \\u0041 "sk" \\n %41 &#65; sk-secret-key-for-test '
        + base64.b64encode(b"x" * 99).decode()
    )
    assert Redaction(KEY)(text) == text
    assert Redaction("")(text) == text
    assert Redaction('a/b"c')('a\\/b\\"c, a/b"c') == "[key], [key]"


def test_names_and_ends_that_are_no_text(tmp_path):
    said = completion("Yes.", finish_reason={"a": 1}, model="m\x1b[2J\u202e\n" + "x" * 999)
    with Nasty(say=lambda body, tries: said) as service:
        answer, *_ = asked(service, tmp_path)
    assert answer.finish == "stop"
    assert answer.model.startswith("m\\x1b[2J\\u202e x")
    assert len(answer.model) == 200


def test_figure():
    assert reading.figure("3.5") == 3.5
    assert reading.figure(3) == 3
    for none in (True, None, [], "x", -1, "-0.5", "inf", float("nan"), 10**400):
        assert reading.figure(none) is None
    assert reading.figure(11, most=10) is None
