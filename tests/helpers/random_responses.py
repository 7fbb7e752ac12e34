"""Responses at random, from whole ones to noise: what a broken or hostile service might send."""

import json
from random import Random
from typing import Any

from helpers.nasty_service import Chunks, response
from helpers.service import KEY, MODEL

STATUS = ["200 OK"] * 12 + [
    *("201 Made", "204 None", "206 Part", "299 ?", "301 M", "304 N", "307 T", "400 Bad", "401 Who"),
    *("402 Pay", "403 No", "404 Lost", "408 T", "409 C", "413 Big", "418 Tea", "422 U", "425 E"),
    *("429 Wait", "500 I", "502 B", "503 U", "504 T", "529 O", "599 ?", "600 ?", "999 ?"),
]
TEXTS = [
    *("", " ", "An otter lives in a river.", "{}", "[]", "null", "{", "}{", '{"homes": 1}'),
    *("\x00", "a\x1b[2J", "\u202eb", "\u2028", "half \ud83d", "\udc00", "\ufeff", KEY, "<think>"),
    *("</think>{}", "<think>{</think>{}", "9" * 5000, "[" * 50_000, '{"a":' * 20_000, "🦦" * 99),
    *(f"\\u0073{KEY[1:]}", "Name: " + " " * 9999, "1: " + "\n" * 9999, "x" * 300_000),
]
FIGURES = ["0", "-1", "1e999", "NaN", "-Infinity", "9" * 5000, "1e18", "9223372036854775808",
           "true", "null", '"7"', '"x"', "[]", "{}", "3.7", "18446744073709551616"]  # fmt: skip
HEADERS = ["Retry-After: 0", "Retry-After: -9", "Retry-After: nan", "Retry-After: 1e999",
           "Retry-After: Fri, 31 Dec 99999 23:59:59 GMT", "Retry-After: \xff", "Retry-After-Ms: -1",
           "Retry-After: Thu, 01 Jan 1970 00:00:00 -0000", "Content-Encoding: gzip",
           "Content-Encoding: br, deflate", "Content-Type: text/html; charset=nonsense",
           "Content-Type: application/json; charset=utf-16", "Location: http://[::1",
           "Location: //\x7f\xff", "Set-Cookie: a=b", "X-Request-Id: \xe9", "Connection: x, y",
           f"Content-Type: {'j' * 9000}", "Transfer-Encoding: chunked", ": none", "no colon",
           "Content-Length: 3", "Content-Length: -3"]  # fmt: skip


def some(rng: Random) -> Chunks:
    """One response; of the same state of ``rng`` the same one."""
    kind = rng.random()
    if kind < 0.1:
        return [rng.randbytes(rng.randrange(200))]
    body = _completion(rng) if kind < 0.8 else _other(rng)
    if rng.random() < 0.15:
        body = _spoilt(body, rng)
    headers = rng.sample(HEADERS, rng.choice([0, 0, 1, 1, 2]))
    (whole,) = response(body, rng.choice(STATUS), *headers)
    if rng.random() < 0.1:
        whole = _spoilt(whole, rng)
    if rng.random() < 0.1:
        whole = whole[: rng.randrange(len(whole) + 1)]
    if rng.random() < 0.2:
        place = rng.randrange(len(whole) + 1)
        return [whole[:place], 0.001, whole[place:]]
    return [whole]


def _spoilt(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _completion(rng: Random) -> bytes:
    message = {"role": "assistant", "content": _value(rng), "refusal": _rarely(rng)}
    choice = {"index": 0, "message": message, "finish_reason": _rarely(rng, "stop")}
    whole: dict[str, Any] = {
        "model": _rarely(rng, MODEL),
        "choices": [choice],
        "usage": {"prompt_tokens": "FIGURE", "completion_tokens": "FIGURE"},
    }
    for place in (message, choice, whole):
        if rng.random() < 0.05:
            place[rng.choice(list(place))] = _value(rng)
        if rng.random() < 0.05:
            place.pop(rng.choice(list(place)))
    text = json.dumps(whole)
    while '"FIGURE"' in text:
        text = text.replace('"FIGURE"', rng.choice(FIGURES), 1)
    return text.encode()


def _rarely(rng: Random, usual: Any = None) -> Any:
    return _value(rng) if rng.random() < 0.15 else usual


def _value(rng: Random, depth: int = 0) -> Any:
    kind = rng.random()
    if kind < 0.7 or depth > 2:
        return rng.choice(TEXTS)
    if kind < 0.8:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind < 0.9:
        parts = ("text", "thinking", "refusal", "output_text")
        return [{"type": rng.choice(parts), "text": _value(rng, depth + 1)}]
    return rng.choice([None, 7, True, 1e300, {}, {"text": "x"}, [None], [[]]])


def _other(rng: Random) -> bytes:
    error = {"message": _value(rng), "code": _value(rng), "type": _value(rng)}
    whole = rng.choice([error, {"error": error}, {"error": _value(rng)}, [error], _value(rng)])
    deep = b"[" * 100_000
    return rng.choice([json.dumps(whole).encode(), b"<html>" + deep, deep, b"9" * 5000, b""])
