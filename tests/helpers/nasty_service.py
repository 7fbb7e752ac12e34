"""A service that says whatever a test makes it say, byte for byte."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.service import MODEL, Service

Chunks = list[bytes | float]


@dataclass
class Nasty(Service):
    """``say(body, tries)``: bytes, and seconds to wait between them; None for a good answer."""

    say: Callable[[dict, int], Chunks | None] = lambda body, tries: None

    async def _answer(self, head: str, body: dict, writer: asyncio.StreamWriter) -> bool:
        key = json.dumps(body, sort_keys=True)
        chunks = self.say(body, self.asked[key])
        if chunks is None:
            return await super()._answer(head, body, writer)
        self.received += 1
        self.asked[key] += 1
        self.times.append(asyncio.get_running_loop().time())
        for chunk in chunks:
            if isinstance(chunk, bytes):
                writer.write(chunk)
                await writer.drain()
            else:
                await asyncio.sleep(chunk)
        return False


def response(body: bytes, status: str = "200 OK", *headers: str) -> Chunks:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ["\r\n".join([*lines, "", ""]).encode("latin-1") + body]


def completion(content: Any = "An otter lives in a river.", raw: str = "", **changes) -> Chunks:
    """A completion; ``raw`` stands for the word RAW in it, so that it need not be JSON."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    choice |= {"finish_reason": changes.pop("finish_reason", "stop")}
    usage = {"prompt_tokens": 10, "completion_tokens": 20}
    whole = {"model": MODEL, "choices": [choice], "usage": usage, **changes}
    return response(json.dumps(whole).replace('"RAW"', raw or '"RAW"').encode())
