"""Asking a service: answers in the journal are reused, and transient failures are retried.

``openai``'s own retries are off, since each attempt must count in the budget, and a service that
sends Retry-After means all requests, not only the one it refused.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

from lethe.common.errors import LetheError
from lethe.llm import probe
from lethe.llm.connection import Connection
from lethe.llm.failures import Missing, Refused, Transient, Unanswered
from lethe.llm.journal import Answer, Journal, Request, key_of
from lethe.llm.limits import Purse, Window, bounds, metered
from lethe.llm.probe import Traits
from lethe.llm.progress import Counts
from lethe.llm.prompts import Prompt
from lethe.llm.settings import Budget, Model, Prices, Service
from lethe.llm.structured import Shape, Unusable, patterned

logger = logging.getLogger(__name__)
_WANTED = {"auto": "it is asked, in JSON or in text"}


class Client:
    """Asks one model of one service, through one journal.

    ``purpose`` is a prefix of the stage names under which the journal counts usage.
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
        self._connection = Connection(service, model.name)
        self._purse = Purse(budget or Budget(), prices or Prices(), journal.usage())
        self._start_cost = self._purse.cost
        self._slots = asyncio.Semaphore(service.connections)
        # Consecutive stages can run within the same minute of the service's rate limit.
        sent = journal.sent_lately()
        self._requests = Window(service.requests_per_minute, before=[(age, 1) for age, *_ in sent])
        self._tokens = Window(
            service.tokens_per_minute, before=[(age, metered(*each)) for age, *each in sent]
        )
        self._flying: dict[str, asyncio.Future[Answer]] = {}
        self._resume = 0.0
        self._stopped: BaseException | None = None
        self._stopping = asyncio.Event()
        self._traits: Traits | None = None
        self._probing = asyncio.Lock()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    def stop(self, error: BaseException) -> None:
        """Send nothing more; answers to requests in flight are still kept."""
        self._stopped = self._stopped or error
        self._stopping.set()

    async def ask(self, stage: str, prompt: Prompt, shape: Shape, values: Mapping) -> Any:
        """The answer to a prompt filled in with ``values``, as an object of ``shape.model``.

        Raises:
            Unusable: an answer arrived and was kept, but cannot be parsed.
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
        """What the service supports; probed once, then stored in the journal."""
        async with self._probing:
            if self._traits is None:
                self._traits = self._known_traits() or await self._probe()
        return self._traits

    async def fetch(self, stage: str, body: dict[str, Any]) -> Answer:
        """The answer to a request: from the journal, or from the service and then stored there."""
        request = Request.of(stage, body)
        earlier = self.journal.find(request.key)
        if earlier is not None:
            self.counts.reused += 1
            return earlier
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

    def _known_traits(self) -> Traits | None:
        return Traits.of(self.journal.trait(self._service_name))

    async def _probe(self) -> Traits:
        asked = []

        async def ask(traits: Traits) -> Answer:
            body = self._body(probe.messages(traits.mode), probe.PROBE, traits)
            asked.append(key_of(body))
            return await self.fetch("probe", body)

        wanted = self.model.structured
        traits = await probe.find(wanted, ask)
        if traits is None:
            # The next run must ask again, since the failure may have been temporary.
            for key in asked:
                self.journal.discard(key, "unusable probe")
            advice = "use a stronger model" if wanted == "auto" else "set structured to auto"
            raise LetheError(
                f"{self.service.base_url}: {self.model.name} does not answer as"
                f" {_WANTED.get(wanted, wanted)}; {advice}"
            )
        self.journal.keep_trait(self._service_name, vars(traits))
        logger.info("%s: answers as %s", self.service.base_url, traits.mode)
        return traits

    # --- one request ----------------------------------------------------------------------------

    async def _send(self, request: Request) -> Answer:
        async with self._slots:
            try:
                flight, answer = await self._tried(request)
            except LetheError as error:
                explained = _explained(error, request)
                # Stop before another request takes this slot. The probe handles its own errors.
                if request.stage != "probe":
                    self.stop(explained)
                raise explained from None
            # Still within the slot, so that a crash loses at most one answer per connection.
            self.journal.keep(flight, request, answer)
        return answer

    async def _tried(self, request: Request) -> tuple[int, Answer]:
        """The answer after as many tries as it takes, up to the limit."""
        import tenacity

        most = probe.TRIES if request.stage == "probe" else self.service.tries
        tries = min(most, self.service.tries)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Transient),
            wait=self._wait,
            stop=tenacity.stop_after_attempt(tries),
            before_sleep=self._note_retry,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._once, request)
        except Transient as error:
            slow = ", or with a longer service.timeout" if error.kind == "time-out" else ""
            raise Unanswered(
                f"{self.service.base_url}: no answer in {tries} tries (the last: {error});"
                f" run again later{slow}; answers so far are kept",
                error.kind,
            ) from None

    def _wait(self, state) -> float:
        """Seconds until the next attempt: exponential with jitter, or longer if the service asks.

        Never shorter: a service that asks for 0 would get all attempts at once.
        """
        longest = min(
            self.service.longest_backoff, self.service.backoff * 2 ** (state.attempt_number - 1)
        )
        return max(longest * random.uniform(0.5, 1.0), state.outcome.exception().wait or 0.0)

    async def _sleep(self, seconds: float) -> bool:
        """Wait, unless the client stops; returns whether it has stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    def _note_retry(self, state) -> None:
        self.counts.retried += 1

    async def _once(self, request: Request) -> tuple[int, Answer]:
        """One attempt. The answer is not stored yet; ``Journal.keep`` needs the flight number."""
        # First, because importing the library can take longer than a rate limit's interval.
        self._connection.open()
        prompt, completion = bounds(request.body)
        await self._admission(prompt, completion)
        ticket = await self._purse.reserve(prompt, completion)
        if self._stopped is not None:
            self._purse.release(ticket)
            raise LetheError(str(self._stopped))
        flight = self.journal.takes_off(request, prompt, completion)
        self.counts.sent += 1
        answer, failure = await self._connection.complete(request.body)
        if failure is not None:
            lost = (prompt, completion) if getattr(failure, "billed", False) else (0, 0)
            self._settle(ticket, *lost)
            self.journal.failed(flight, request.stage, _kind(failure), *lost)
            self._rest(failure)
            raise failure
        self._settle(ticket, answer.prompt_tokens, answer.completion_tokens)
        self.counts.answered += 1
        return flight, answer

    async def _admission(self, prompt: int, completion: int) -> None:
        """Wait for the per-minute limits, and as long as the service asked us to."""
        await self._requests.enter(1, self._sleep)
        await self._tokens.enter(metered(prompt, completion), self._sleep)
        while (pause := self._resume - time.monotonic()) > 0:
            if await self._sleep(pause):
                return

    def _rest(self, failure: Exception) -> None:
        """Pause all connections if the service says for how long."""
        wait = getattr(failure, "wait", None)
        if wait is not None:
            self._resume = max(self._resume, time.monotonic() + wait)

    def _settle(self, ticket: int, prompt_tokens: int, completion_tokens: int) -> None:
        self._purse.settle(ticket, prompt_tokens, completion_tokens)
        self.counts.tokens += prompt_tokens + completion_tokens
        self.counts.cost = self._purse.cost - self._start_cost


class DryClient(Client):
    """Answers from the journal only; raises Missing for anything else."""

    async def _send(self, request: Request) -> Answer:
        raise Missing(request.stage)


def _explained(error: LetheError, request: Request) -> LetheError:
    """Adds a hint, since a service may refuse patterns or fail on them (llama.cpp does both)."""
    failed = isinstance(error, Unanswered) and error.kind.startswith("status 5")
    if not (failed or isinstance(error, Refused)) or not patterned(request.body):
        return error
    return LetheError(
        f"{error}; if the service does not support patterns, set model.patterns to"
        " false (world.generated)"
    )


def _kind(failure: Exception) -> str:
    return failure.kind if isinstance(failure, Transient) else "refused request"
