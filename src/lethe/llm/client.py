"""Asking a service: what is in the journal is never asked again, what fails in passing is retried.

``openai``'s client speaks to the service. Its own retries are off: each try must be counted in the
budget, and a service that says Retry-After means all requests, not only the one it refused.
"""

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from lethe.errors import LetheError
from lethe.llm.journal import Answer, Journal, Request
from lethe.llm.limits import Purse, Window
from lethe.llm.progress import Counts
from lethe.llm.prompts import Prompt
from lethe.llm.settings import Budget, Model, Prices, Service
from lethe.llm.structured import MODES, PROBE, Shape, Unusable, probe_messages

if TYPE_CHECKING:
    import openai

logger = logging.getLogger(__name__)

# A service that asks for more patience than this is asked again in another run.
LONGEST_WAIT = 900.0
_SHOWN = 300
_PROBE_TRIES = 3


class Missing(Exception):
    """A dry run came to a question that the journal cannot answer."""


class Refused(LetheError):
    """The service does not take this request as it is (400, 422)."""


class Unanswered(LetheError):
    """Every try failed in a way that might have passed."""

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


class _Transient(Exception):
    """A failure that may pass: ``kind`` for the count, ``wait`` in seconds if the service says so.

    ``billed``: the service may have worked on it, and want to be paid.
    """

    def __init__(self, kind: str, wait: float | None = None, billed: bool = False):
        super().__init__(kind)
        self.kind, self.wait, self.billed = kind, wait, billed


@dataclass(frozen=True)
class Traits:
    """What the probe found: how to ask for structure, and what the limit of tokens is called."""

    mode: str
    limit: str


class Client:
    """Asks one model of one service, through one journal.

    ``purpose`` is put before the names of stages, under which the journal counts what they took.
    """

    def __init__(
        self,
        model: Model,
        service: Service,
        journal: Journal,
        budget: Budget | None = None,
        prices: Prices | None = None,
        purpose: str = "",
    ):
        self.model, self.service, self.journal = model, service, journal
        self._purpose = purpose
        self.counts = Counts()
        self._purse = Purse(budget or Budget(), prices or Prices(), journal.usage())
        self._start_cost = self._purse.cost
        self._slots = asyncio.Semaphore(service.connections)
        self._requests = Window(service.requests_per_minute)
        self._tokens = Window(service.tokens_per_minute)
        self._flying: dict[str, asyncio.Future[Answer]] = {}
        self._resume = 0.0
        self._stopped: BaseException | None = None
        self._stopping = asyncio.Event()
        self._reached = False
        self._traits: Traits | None = None
        self._probing = asyncio.Lock()
        self._openai: openai.AsyncOpenAI | None = None
        self._key = ""

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._openai is not None:
            await self._openai.close()

    def stop(self, error: BaseException) -> None:
        """Send nothing more; requests under way may still end, and are kept."""
        self._stopped = self._stopped or error
        self._stopping.set()

    async def ask(self, stage: str, prompt: Prompt, shape: Shape, values: Mapping) -> Any:
        """The answer to a prompt filled in with ``values``, as an object of ``shape.model``.

        Raises:
            Unusable: an answer came, and is kept, but cannot be read.
            LetheError: the service cannot be used, or the budget is spent; stop.
        """
        try:
            traits = await self.traits()
            body = self._body(prompt.messages(traits.mode, values), shape, traits)
            answer = await self.fetch(f"{self._purpose}{stage}", body)
        except LetheError as error:
            self.stop(error)
            raise
        try:
            return shape.read(answer, traits.mode)
        except Unusable:
            self.counts.rejected += 1
            raise

    async def traits(self) -> Traits:
        """What the service can do; probed once and then kept in the journal."""
        async with self._probing:
            if self._traits is None:
                self._traits = await self._known_traits() or await self._probe()
        return self._traits

    async def fetch(self, stage: str, body: dict[str, Any]) -> Answer:
        """The answer to a request: from the journal, or asked for and then kept there."""
        request = Request.of(stage, body)
        kept = self.journal.find(request.key)
        if kept is not None:
            self.counts.reused += 1
            return kept
        if request.key not in self._flying:
            task = asyncio.ensure_future(self._send(request))
            self._flying[request.key] = task
            task.add_done_callback(lambda _: self._flying.pop(request.key, None))
        return await self._flying[request.key]

    def _body(self, messages: list, shape: Shape, traits: Traits) -> dict[str, Any]:
        body = {"model": self.model.name, "messages": messages}
        body[traits.limit] = self.model.max_tokens
        if self.model.temperature is not None:
            body["temperature"] = self.model.temperature
        form = shape.response_format(traits.mode)
        return body if form is None else {**body, "response_format": form}

    # --- the probe ------------------------------------------------------------------------------

    @property
    def _service_name(self) -> str:
        return f"{self.service.base_url} {self.model.name} {self.model.structured}"

    async def _known_traits(self) -> Traits | None:
        kept = self.journal.trait(self._service_name)
        return Traits(**kept) if kept else None

    async def _probe(self) -> Traits:
        wanted = self.model.structured
        modes = MODES if wanted == "auto" else (wanted,)
        found, failed = await self._first_mode(modes)
        if found is not None:
            # Did the service fail at these kinds, or had it only a bad moment? Now it is up.
            better, _ = await self._first_mode(failed)
            found = better or found
            self.journal.keep_trait(self._service_name, vars(found))
            logger.info("%s: answers as %s", self.service.base_url, found.mode)
            return found
        raise LetheError(
            f"{self.service.base_url}: {self.model.name} does not answer as {wanted}; set"
            " structured to auto"
        )

    async def _first_mode(self, modes: Sequence[str]) -> tuple[Traits | None, list[str]]:
        """The first mode that works, and those before it at which the service failed."""
        failed = []
        for mode in modes:
            try:
                traits = await self._probe_mode(mode)
            except Unanswered as error:
                passing = not error.kind.startswith("status 5")
                if passing or mode in ("text", self.model.structured):
                    raise
                failed.append(mode)
                continue
            if traits is not None:
                return traits, failed
        return None, failed

    async def _probe_mode(self, mode: str) -> Traits | None:
        for limit in ("max_tokens", "max_completion_tokens"):
            traits = Traits(mode, limit)
            try:
                answer = await self.fetch("probe", self._body(probe_messages(mode), PROBE, traits))
                PROBE.read(answer, mode)
            except Unusable:
                return None
            except Refused as error:
                # Newer models of OpenAI's know the limit by its other name only.
                if limit == "max_tokens" and "max_completion_tokens" in str(error):
                    continue
                if mode == "text" or mode == self.model.structured:
                    raise
                return None
            return traits
        return None

    # --- one request ----------------------------------------------------------------------------

    async def _send(self, request: Request) -> Answer:
        async with self._slots:
            try:
                flight, answer = await self._tried(request)
            except LetheError as error:
                # Before another request takes this one's place. The probe knows what to do next.
                if request.stage != "probe":
                    self.stop(error)
                raise
            # Within its place, so that a death never costs more answers than there are connections.
            self.journal.keep(flight, request, answer)
        return answer

    async def _tried(self, request: Request) -> tuple[int, Answer]:
        """The answer after as many tries as it takes, up to the limit."""
        import tenacity

        # A service may answer a kind of request that it does not know by failing (llama.cpp does).
        most = _PROBE_TRIES if request.stage == "probe" else self.service.tries
        tries = min(most, self.service.tries)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            wait=self._wait,
            stop=tenacity.stop_after_attempt(tries),
            before_sleep=self._note_retry,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._once, request)
        except _Transient as error:
            raise Unanswered(
                f"{self.service.base_url}: no answer in {tries} tries (the last: {error.kind});"
                " run again later, what was answered is kept",
                error.kind,
            ) from None

    def _wait(self, state) -> float:
        """Seconds until the next try: what the service says, else exponential with jitter."""
        asked = state.outcome.exception().wait
        if asked is not None:
            return asked
        longest = min(
            self.service.longest_backoff, self.service.backoff * 2 ** (state.attempt_number - 1)
        )
        return longest * random.uniform(0.5, 1.0)

    async def _sleep(self, seconds: float) -> None:
        """Wait before another try, but not when there will be none."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _note_retry(self, state) -> None:
        self.counts.retried += 1

    async def _once(self, request: Request) -> tuple[int, Answer]:
        """One try. The answer is not yet kept: its flight is what ``Journal.keep`` wants."""
        # First of all: loading the library takes longer than some limits leave between requests.
        self._connection()
        prompt, completion = _bounds(request.body)
        await self._admission(prompt, completion)
        ticket = await self._purse.reserve(prompt, completion)
        if self._stopped is not None:
            self._purse.release(ticket)
            raise LetheError(str(self._stopped))
        flight = self.journal.takes_off(request, prompt, completion)
        self.counts.sent += 1
        result, failure = await self._create(request.body)
        if failure is not None:
            lost = (prompt, completion) if getattr(failure, "billed", False) else (0, 0)
            self._settle(ticket, *lost)
            self.journal.failed(flight, request.stage, _kind(failure), *lost)
            raise failure
        self._settle(ticket, result.prompt_tokens, result.completion_tokens)
        self.counts.answered += 1
        return flight, result

    async def _admission(self, prompt: int, completion: int) -> None:
        """Wait for the service's limits for each minute, and while it wants to be left alone."""
        await self._requests.enter()
        # As services count: the tokens that a request may take, at about four bytes a token.
        await self._tokens.enter(prompt // 4 + completion)
        while (pause := self._resume - time.monotonic()) > 0:
            await self._sleep(pause)
            if self._stopped is not None:
                return

    def _settle(self, ticket: int, prompt_tokens: int, completion_tokens: int) -> None:
        self._purse.settle(ticket, prompt_tokens, completion_tokens)
        self.counts.tokens += prompt_tokens + completion_tokens
        self.counts.cost = self._purse.cost - self._start_cost

    async def _create(self, body: dict[str, Any]) -> tuple[Answer | None, Exception | None]:
        """The answer, or the failure. Returned, not raised: an exception of the client's, with the
        request's headers in it, must not be the context of one of ours."""
        import openai

        client = self._connection()
        try:
            # Around the client's typed call, which goes through every key of request and answer:
            # with a schema in it, that would take a third of our time.
            result = await client.post("/chat/completions", body=body, cast_to=object)
        except openai.APIStatusError as error:
            self._reached = True
            if error.code == "content_filter":
                return Answer("", "content_filter", self.model.name, 0, 0), None
            return None, self._status_failure(error)
        except openai.APITimeoutError:
            return None, _Transient("time-out", billed=True)
        except openai.APIConnectionError as error:
            return None, self._connection_failure(error)
        except (openai.APIError, ValueError):
            return None, _Transient("broken answer", billed=True)
        self._reached = True
        answer = self._answer(body, result)
        return (answer, None) if answer else (None, _Transient("broken answer", billed=True))

    def _connection(self) -> "openai.AsyncOpenAI":
        import openai

        if self._openai is None:
            self._key = _key(self.service)
            # Its lines, one for each request, would bury ours.
            for name in ("openai", "httpx", "httpx2", "httpcore2"):
                logging.getLogger(name).setLevel(logging.WARNING)
            self._openai = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self.service.base_url,
                timeout=self.service.timeout,
                max_retries=0,
            )
        return self._openai

    def _connection_failure(self, error: Exception) -> Exception:
        cause = type(error.__cause__).__name__
        unsent = cause in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol")
        if unsent and not self._reached:
            return LetheError(
                f"{self.service.base_url}: cannot be reached ({cause}); start the service, or"
                " correct base_url"
            )
        return _Transient("no connection" if unsent else "dropped connection", billed=not unsent)

    def _status_failure(self, error: "openai.APIStatusError") -> Exception:
        """A status of 4xx or 5xx: to be retried, or the end of the run."""
        status, place = error.status_code, self.service.base_url
        said = self._redacted(error.message)
        if status in (401, 403):
            variable = self.service.key_variable or "none; set key_variable"
            return LetheError(
                f"{place}: the key is not accepted ({status}; key from the environment: {variable})"
            )
        if status == 404:
            return LetheError(
                f"{place}: no model {self.model.name!r} there, or no such address (404: {said});"
                " correct the model's name or base_url"
            )
        if status == 429 and error.code == "insufficient_quota":
            return LetheError(f"{place}: the account's quota is spent (429: {said})")
        if status in (408, 409, 429) or status >= 500:
            return self._busy(status, _retry_after(error.response.headers))
        return Refused(f"{place}: the request is refused ({status}: {said})")

    def _busy(self, status: int, wait: float | None) -> Exception:
        if wait is not None and wait > LONGEST_WAIT:
            return LetheError(
                f"{self.service.base_url}: asks to be left alone for {wait:.0f} s; run again then"
            )
        if wait is not None:
            self._resume = max(self._resume, time.monotonic() + wait)
        return _Transient(f"status {status}", wait)

    def _answer(self, body: dict[str, Any], result: Any) -> Answer | None:
        """What a completion says; None where it is none."""
        try:
            choice, usage = result["choices"][0], result.get("usage") or {}
            message = choice["message"]
            said, refusal = message.get("content"), message.get("refusal")
            content = self._redacted(said or refusal or "", shown=None)
            # A service that counts nothing: the most it can have been.
            prompt = int(usage.get("prompt_tokens", _bounds(body)[0]))
            completion = int(usage.get("completion_tokens", len(content.encode())))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            return None
        return Answer(
            content=content,
            finish="refusal" if refusal and not said else choice.get("finish_reason") or "stop",
            model=str(result.get("model") or self.model.name),
            prompt_tokens=prompt,
            completion_tokens=completion,
        )

    def _redacted(self, text: str, shown: int | None = _SHOWN) -> str:
        """Text from outside, without the key should it be repeated there; one line if shown."""
        clean = text.replace(self._key, "[key]") if self._key else text
        return clean if shown is None else " ".join(clean.split())[:shown]


class DryClient(Client):
    """Answers from the journal alone; anything else is Missing."""

    async def _send(self, request: Request) -> Answer:
        raise Missing(request.stage)


def _kind(failure: Exception) -> str:
    return failure.kind if isinstance(failure, _Transient) else "refused request"


def _bounds(body: dict[str, Any]) -> tuple[int, int]:
    """The most tokens that prompt and answer can have: a token is a byte at least."""
    text = sum(len(message["content"].encode()) + 16 for message in body["messages"])
    form = len(str(body.get("response_format", "")))
    return text + form, body.get("max_tokens") or body["max_completion_tokens"]


def _key(service: Service) -> str:
    if service.key_variable is None:
        return ""
    key = os.environ.get(service.key_variable, "").strip()
    if not key:
        raise LetheError(
            f"environment variable {service.key_variable}: not set; put the service's key there,"
            " or set key_variable to null for a service without keys"
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
