"""An OpenAI-compatible service on the loopback address that fails on purpose.

What it answers depends on the request alone, so the order of requests never matters; how it fails
depends on the request and on how often it came. It counts what it was asked and what it answered.
"""

import asyncio
import json
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from helpers.answers import answer, hash_of, spoilt, stage_of, text_of
from lethe.llm.journal import key_of

MODEL = "test-model"
KEY = "sk-secret-key-for-tests"

PASSING = ("429", "429_after", "500", "503", "slow", "reset", "hang_up", "broken_body")
UNUSABLE = ("malformed", "wrong_shape", "empty", "length", "filter", "filter_400", "refusal")
# For good; each with its code and the key repeated in its words.
FATAL = {"400": "bad", "403": "region", "404": "model_not_found", "429_quota": "insufficient_quota"}
SPOILT = ("nineteen", "twenty_one", "duplicate", "debris", "no_name")


@dataclass
class Service:
    """Start with ``with Service(...) as service``; its address is ``service.url``.

    ``fault(body, tries)`` names how to fail a request that came ``tries`` times before, or None.
    ``offers``: the response formats it follows; others are refused, or ignored if ``ignores``.
    ``limit``: the only name by which it knows the limit of tokens. ``usage``: whether it counts
    tokens. ``repeats``: put into biographies, and into the name of the model. ``cut``: biographies
    that end in mid-sentence at first. ``journal``: where its answers are kept; ``again`` counts
    requests that came though the journal had their answer. ``overdue`` is told the key of a request
    whose answer will be too slow (deadlines).
    """

    latency: float = 0.0
    fault: Callable[[dict, int], str | None] = lambda body, tries: None
    offers: tuple[str, ...] = ("json_schema", "json_object")
    ignores: bool = False
    limit: str = ""
    usage: bool = True
    repeats: str = ""
    cut: bool = False
    slow: float = 8.0
    overdue: Callable[[str], None] = lambda key: None
    journal: Path | None = None
    retry_after: str = "0.05"
    received: int = 0
    again: int = 0
    asked: Counter = field(default_factory=Counter)
    answered: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    bodies: dict[str, dict] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    times: list[float] = field(default_factory=list)

    def __enter__(self) -> "Service":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def stages(self) -> Counter:
        """Requests received, by the stage that they belong to."""
        counts: Counter = Counter()
        for key, count in self.asked.items():
            counts[stage_of(self.bodies[key])] += count
        return counts

    def forget(self) -> None:
        """Start counting anew."""
        self.received = self.again = 0
        for counts in (self.asked, self.answered, self.faults, self.bodies, self.log):
            counts.clear()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _close(self) -> None:
        self._server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(re.search(r"content-length: (\d+)", head, re.I)[1])
                body = json.loads(await reader.readexactly(length))
                self.busy += 1
                self.busiest = max(self.busiest, self.busy)
                try:
                    again = await self._answer(head, body, writer)
                finally:
                    self.busy -= 1
                if not again:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, body: dict, writer: asyncio.StreamWriter) -> bool:
        self.received += 1
        if f"Bearer {KEY}" not in head:
            said = f"Incorrect API key provided: {head.partition('Bearer ')[2].split()[0]}"
            return await _send(writer, 401, _error(said, "invalid_api_key"))
        if body["model"] != MODEL:
            return await _send(writer, 404, _error(f"The model {body['model']} does not exist"))
        key = key_of(body)
        tries = self.asked[key]
        self.asked[key] += 1
        self.bodies[key] = body
        self.log.append(key)
        self.times.append(asyncio.get_running_loop().time())
        self.again += self._kept(key)
        if self.limit and self.limit not in body:
            return await _send(writer, 400, _error(f"Unsupported parameter: use {self.limit}"))
        form = body.get("response_format", {}).get("type")
        if form and not self._offers(body["response_format"]):
            if not self.ignores:
                return await _send(writer, 400, _error(f"response_format {form} is not supported"))
            form = None
        fault = self.fault(body, tries)
        self.faults[fault or "none"] += 1
        completion = self._completion(body, form, None if fault in (*PASSING, *FATAL) else fault)
        # The latency is of the whole: thinking about the answer is part of it.
        spent = asyncio.get_running_loop().time() - self.times[-1]
        await asyncio.sleep(self.latency - spent)
        if fault in PASSING:
            return await self._fail(fault, writer, completion, key)
        if fault in FATAL:
            said = _error(f"Not with {KEY},\n{KEY}", FATAL[fault])
            return await _send(writer, int(fault[:3]), said)
        self.answered[key] += 1
        if fault == "filter_400":
            return await _send(writer, 400, _error("The answer was filtered", "content_filter"))
        return await _send(writer, 200, completion)

    def _kept(self, key: str) -> bool:
        """Whether the journal has the answer already."""
        if self.journal is None or not self.journal.exists():
            return False
        with closing(sqlite3.connect(self.journal)) as base:
            return bool(base.execute("SELECT 1 FROM answers WHERE key = ?", (key,)).fetchall())

    def _offers(self, form: dict) -> bool:
        dialect = form["type"] == "json_object" and "schema" in form
        return ("json_object_schema" if dialect else form["type"]) in self.offers

    async def _fail(self, fault: str, writer: asyncio.StreamWriter, whole: bytes, key: str) -> bool:
        if fault == "slow":
            self.overdue(key)
            await asyncio.sleep(self.slow)
            return await _send(writer, 200, whole)
        if fault == "reset":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(whole))
            writer.write(whole[: len(whole) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        if fault == "hang_up":
            writer.transport.abort()
            return False
        if fault == "broken_body":
            return await _send(writer, 200, whole[: len(whole) // 2])
        after = {"Retry-After": self.retry_after} if fault == "429_after" else {}
        return await _send(writer, int(fault[:3]), _error("try again"), after)

    def _completion(self, body: dict, form: str | None, fault: str | None) -> bytes:
        content, finish, refusal = answer(body, form), "stop", None
        if fault in SPOILT:
            content = spoilt(content, fault)
        elif fault == "malformed":
            content = content.replace('"', "", 1) + "}" if form else ""
        elif fault == "wrong_shape":
            content = json.dumps({"result": content}) if form else "Certainly. Here you are."
        elif fault == "empty":
            content = ""
        elif fault == "length":
            content, finish = content[: len(content) // 2], "length"
        elif fault == "filter":
            content, finish = "", "content_filter"
        elif fault == "refusal":
            content, refusal = None, "I cannot help with that."
        if self.repeats and stage_of(body) == "profiles" and content:
            content = content.replace("Critics", f"{self.repeats} Critics")
        if self.cut and stage_of(body) == "profiles" and "attempt" not in text_of(body):
            content = content.replace(" Critics were kind.", " Critics")
        message = {"role": "assistant", "content": content, "refusal": refusal}
        completion = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": f"{MODEL}{self.repeats}",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        if self.usage:
            prompt = sum(len(m["content"]) for m in body["messages"]) // 4
            done = len(content or "") // 4 + 1
            completion["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": done,
                "total_tokens": prompt + done,
            }
        return json.dumps(completion).encode()


async def _send(writer, status: int, body: bytes, headers: dict | None = None) -> bool:
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    return True


def _error(message: str, code: str | None = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()


def mixture(*kinds: str, share: float = 0.4, times: int = 2) -> Callable[[dict, int], str | None]:
    """Fails a share of requests in the first ``times`` tries, each by one of ``kinds``.

    Answers that are spoilt come at the first attempt alone, as a better one is asked for by
    another request.
    """

    def fault(body: dict, tries: int) -> str | None:
        text = text_of(body)
        value = hash_of(f"{text}{tries}")
        if tries >= times or value % 1000 >= share * 1000:
            return None
        kind = kinds[value // 1000 % len(kinds)]
        if kind in PASSING:
            return kind
        if "This is attempt" in text or stage_of(body) in ("probe", "lists"):
            return None
        return None if kind in SPOILT and stage_of(body) != "pairs" else kind

    return fault
