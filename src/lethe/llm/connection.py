"""Speaking to a service: a request becomes an answer, or a failure whose meaning is known.

``openai``'s client does the speaking. The key is read here, and nowhere else; what comes from
outside is shown and kept only without it.
"""

import logging
import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from lethe.errors import LetheError
from lethe.llm.failures import Refused, Transient
from lethe.llm.journal import Answer
from lethe.llm.limits import bounds
from lethe.llm.settings import Service

if TYPE_CHECKING:
    import openai

# A service that asks for more patience than this is asked again in another run.
LONGEST_WAIT = 900.0
_SHOWN = 300
# Its lines, one for each request, would bury ours; some have headers in them.
_TALKATIVE = ("openai", "httpx", "httpx2", "httpcore2")


class Connection:
    """A service as ``model`` is asked there. Open it before the first ``complete``."""

    def __init__(self, service: Service, model: str):
        self.service, self.model = service, model
        self._openai: openai.AsyncOpenAI | None = None
        self._key = ""
        self._reached = False

    def open(self) -> None:
        """Load the library and read the key; LetheError when that is missing."""
        if self._openai is not None:
            return
        import openai

        self._key = _key(self.service)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._openai = openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.service.base_url,
            timeout=self.service.timeout,
            max_retries=0,
        )

    async def close(self) -> None:
        if self._openai is not None:
            await self._openai.close()

    async def complete(self, body: dict[str, Any]) -> tuple[Answer | None, Exception | None]:
        """The answer, or the failure. Returned, not raised: an exception of the client's, with the
        request's headers in it, must not be the context of one of ours."""
        import openai

        try:
            # Around the client's typed call, which goes through every key of request and answer:
            # with a schema in it, that would take a third of our time.
            result = await self._openai.post("/chat/completions", body=body, cast_to=object)
        except openai.APIStatusError as error:
            self._reached = True
            if error.code == "content_filter":
                return Answer("", "content_filter", self.model, 0, 0), None
            return None, self._status_failure(error)
        except openai.APITimeoutError:
            return None, Transient("time-out", billed=True)
        except openai.APIConnectionError as error:
            return None, self._connection_failure(error)
        except (openai.APIError, ValueError):
            return None, Transient("broken answer", billed=True)
        self._reached = True
        answer = self._answer(body, result)
        return (answer, None) if answer else (None, Transient("broken answer", billed=True))

    def _connection_failure(self, error: Exception) -> Exception:
        cause = type(error.__cause__).__name__
        unsent = cause in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol")
        if unsent and not self._reached:
            return LetheError(
                f"{self.service.base_url}: cannot be reached ({cause}); start the service, or"
                " correct base_url"
            )
        return Transient("no connection" if unsent else "dropped connection", billed=not unsent)

    def _status_failure(self, error: "openai.APIStatusError") -> Exception:
        """A status of 4xx or 5xx: to be retried, or the end of the run."""
        status, place = error.status_code, self.service.base_url
        said = self._redacted(error.message, _SHOWN)
        if status in (401, 403):
            variable = self.service.key_variable or "none; set key_variable"
            return LetheError(
                f"{place}: the key is not accepted ({status}; key from the environment: {variable})"
            )
        if status == 404:
            return LetheError(
                f"{place}: no model {self.model!r} there, or no such address (404: {said});"
                " correct the model's name or base_url"
            )
        if status == 429 and error.code == "insufficient_quota":
            return LetheError(f"{place}: the account's quota is spent (429: {said})")
        if status in (408, 409, 429) or status >= 500:
            return self._busy(status, _retry_after(error.response.headers), said)
        return Refused(f"{place}: the request is refused ({status}: {said})")

    def _busy(self, status: int, wait: float | None, said: str) -> Exception:
        if wait is not None and wait > LONGEST_WAIT:
            return LetheError(
                f"{self.service.base_url}: asks to be left alone for {wait:.0f} s; run again then"
            )
        return Transient(f"status {status}", wait, said=said)

    def _answer(self, body: dict[str, Any], result: Any) -> Answer | None:
        """What a completion says; None where it is none."""
        try:
            choice, usage = result["choices"][0], result.get("usage") or {}
            message = choice["message"]
            said, refusal = message.get("content"), message.get("refusal")
            content = self._redacted(said or refusal or "")
            # A service that counts nothing: the most it can have been.
            prompt = int(usage.get("prompt_tokens", bounds(body)[0]))
            completion = int(usage.get("completion_tokens", len(content.encode())))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            return None
        return Answer(
            content=content,
            finish="refusal" if refusal and not said else choice.get("finish_reason") or "stop",
            model=self._redacted(str(result.get("model") or self.model)),
            prompt_tokens=prompt,
            completion_tokens=completion,
        )

    def _redacted(self, text: str, shown: int | None = None) -> str:
        """Text from outside without the key, should it be repeated there; one line if ``shown``."""
        clean = text.replace(self._key, "[key]") if self._key else text
        return clean if shown is None else " ".join(clean.split())[:shown]


def _key(service: Service) -> str:
    """The key from the environment. No message of ours quotes it, nor may one of the library's."""
    variable = service.key_variable
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise LetheError(
            f"environment variable {variable}: not set; put the service's key there, or set"
            " key_variable to null for a service without keys"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise LetheError(
            f"environment variable {variable}: has a blank, a line break or a character that no key"
            " has; put the key there, and it alone"
        )
    return key


def _retry_after(headers: Any) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3); milliseconds as OpenAI's."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) / unit)
        except ValueError:
            continue
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, date.timestamp() - time.time())
    except (TypeError, ValueError):
        return None
