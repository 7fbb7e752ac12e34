"""Talking to a service: a request becomes an answer or a classified failure.

``openai``'s client does the talking. The key is read only here, and is redacted from everything
that the service sends before it is shown or stored.
"""

import asyncio
import logging
import os
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from lethe.common.errors import LetheError
from lethe.llm import reading
from lethe.llm.failures import Refused, Transient
from lethe.llm.journal import Answer
from lethe.llm.limits import bounds
from lethe.llm.reading import Asked, figure, one_line
from lethe.llm.redaction import Redaction
from lethe.llm.settings import Service

if TYPE_CHECKING:
    import openai

# If a service asks for a longer wait than this, the run ends.
LONGEST_WAIT = 900.0
_SHOWN = 300
# Names of exceptions: raised before anything was sent; caused by the address itself.
_UNSENT = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol")
_OF_ADDRESS = ("InvalidURL", "UnsupportedProtocol", "LocalProtocolError")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_MOVED = (301, 302, 303, 307, 308)
# They log a line per request, which would bury ours; some include headers.
_TALKATIVE = ("openai", "httpx", "httpx2", "httpcore2")


class Connection:
    """A service as ``model`` is asked there. Open it before the first ``complete``."""

    def __init__(self, service: Service, model: str):
        self.service, self.model = service, model
        self._openai: openai.AsyncOpenAI | None = None
        self._redact = Redaction("")
        self._reached = False

    def open(self) -> None:
        """Load the library and read the key; LetheError when that is missing."""
        if self._openai is not None:
            return
        self._redact = Redaction(_key(self.service))
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._openai = self._client()

    def _client(self) -> "openai.AsyncOpenAI":
        """LetheError if the address, a proxy or a certificate is wrong. Their values are not shown,
        since proxies have passwords."""
        import openai

        from lethe.llm.transport import Transport

        try:
            return openai.AsyncOpenAI(
                api_key=_key(self.service) or "none",
                base_url=self.service.base_url,
                max_retries=0,
                http_client=Transport(timeout=self.service.timeout),
            )
        except Exception as error:
            kind = type(error).__name__
        wrong = ", ".join(["base_url", *_set(_PROXIES + _CERTIFICATES)])
        raise LetheError(
            f"{self.service.base_url}: no connection can be set up ({kind}); correct {wrong}"
        )

    async def close(self) -> None:
        if self._openai is not None:
            await self._openai.close()

    async def complete(self, body: dict[str, Any]) -> tuple[Answer | None, Exception | None]:
        """The answer or the failure. Returned, not raised, so that the client's exception, which
        holds the request's headers, never becomes the context of one of ours."""
        import openai

        try:
            # For the whole answer: a byte now and then would satisfy a read timeout.
            async with asyncio.timeout(self.service.timeout):
                response = await self._post(body)
        except openai.APIStatusError as error:
            self._reached = True
            if error.code == "content_filter":
                return Answer("", "content_filter", self.model, 0, 0), None
            return None, self._status_failure(error)
        except (openai.APITimeoutError, TimeoutError):
            return None, Transient("time-out", billed=True)
        except openai.APIConnectionError as error:
            return None, self._connection_failure(error)
        except Exception as error:
            # Whatever the library raises for malformed responses.
            return None, self._odd_failure(error)
        self._reached = True
        asked = Asked(self.model, bounds(body)[0], self._redact)
        answer = reading.answer(reading.decoded(response.content), asked)
        return (answer, None) if answer else (None, Transient("broken answer", billed=True))

    async def _post(self, body: dict[str, Any]) -> Any:
        """The raw response: the client's typed call walks through every key of request and answer,
        which with a schema would take a third of our time."""
        from lethe.llm.transport import Response

        return await self._openai.post("/chat/completions", body=body, cast_to=Response)

    def _odd_failure(self, error: Exception) -> Exception:
        kind = type(error).__name__
        if kind in _OF_ADDRESS:
            return LetheError(
                f"{self.service.base_url}: cannot be asked ({kind}); correct base_url"
            )
        return Transient(
            "broken answer", billed=True, said="" if kind != "Oversized" else str(error)
        )

    def _connection_failure(self, error: Exception) -> Exception:
        cause = type(error.__cause__).__name__
        unsent = cause in _UNSENT
        if cause == "ProxyError" and not self._reached:
            return LetheError(
                f"{self.service.base_url}: the proxy refuses ({self._shown(str(error.__cause__))});"
                f" correct {' or '.join(_set(_PROXIES))}, or add the address to NO_PROXY"
            )
        if unsent and not self._reached:
            wrong = ", ".join(["base_url", *_set(_PROXIES)])
            return LetheError(
                f"{self.service.base_url}: cannot be reached ({cause}); start the service, or"
                f" correct {wrong}"
            )
        return Transient("no connection" if unsent else "dropped connection", billed=not unsent)

    def _status_failure(self, error: "openai.APIStatusError") -> Exception:
        """An HTTP error status: transient, or the end of the run."""
        status, place = error.status_code, self.service.base_url
        said = self._shown(error.message)
        if status in _MOVED:
            return LetheError(
                f"{place}: the service is elsewhere ({status}, to {self._moved(error.response)});"
                " the key goes to no other address than base_url: correct that"
            )
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

    def _moved(self, response: Any) -> str:
        """The target of a redirection, without its query, which may hold secrets."""
        address = response.headers.get("location", "").partition("?")[0]
        return self._shown(address) or "nowhere"

    def _busy(self, status: int, wait: float | None, said: str) -> Exception:
        if wait is not None and wait > LONGEST_WAIT:
            return LetheError(
                f"{self.service.base_url}: asks to be left alone for {_duration(wait)};"
                " run again then"
            )
        return Transient(f"status {status}", wait, said=said)

    def _shown(self, text: str) -> str:
        """Text from the service for one of our messages: one line, without the key."""
        return one_line(self._redact(text), _SHOWN)


def _key(service: Service) -> str:
    """The key from the environment. No message may quote it, neither ours nor the library's."""
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


def _set(variables: tuple[str, ...]) -> list[str]:
    """Those of the environment variables that are set, in upper or lower case."""
    return [name for name in variables if os.environ.get(name) or os.environ.get(name.lower())]


def _retry_after(headers: Any) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3); or OpenAI's milliseconds.

    None if there is no usable value.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = figure(headers.get(name))
        if seconds is not None:
            return seconds / unit
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
        zoned = date if date.tzinfo else date.replace(tzinfo=UTC)
        return figure(zoned.timestamp() - time.time())
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 1e7 else "more than a hundred days"
