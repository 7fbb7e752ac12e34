"""Settings of a service. None of them is secret: the key itself is only in the environment.

``Model`` decides what is asked, so results depend on it. The others decide where, how fast and at
what price, and do not affect results.
"""

from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lethe.common.characters import unfit

Mode = Literal["json_schema", "json_object_schema", "json_object", "text"]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _address(url: str) -> str:
    if unfit(url) or len(url.split()) != 1:
        raise ValueError("a base URL has no blanks and no control characters")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a base URL begins with http:// or https://, as http://127.0.0.1:8000/v1")
    _checked(parts)
    if parts.username or parts.password or parts.query:
        raise ValueError("a base URL carries no key: name the variable that holds it, key_variable")
    return url


def _checked(parts: SplitResult) -> None:
    """ValueError for errors that would only show when connecting."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port of a base URL is a number from 1 to 65535")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise ValueError("the host of a base URL is not a valid host name") from None


class _Settings(BaseModel):
    # The input is left out of messages: someone may put a key where none belongs.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Model(_Settings):
    """What is asked: part of every request.

    ``patterns``: whether a schema also carries the form of texts, for small models.
    """

    name: str = Field(default="gpt-4o-mini", min_length=1)
    structured: Literal["auto"] | Mode = "auto"
    patterns: bool = False
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    max_tokens: int = Field(default=4096, ge=16)


class Service(_Settings):
    """Where and how fast to ask. Times in seconds; ``timeout`` is for a complete answer."""

    base_url: Annotated[str, AfterValidator(_address)] = "https://api.openai.com/v1"
    key_variable: str | None = Field(default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    connections: Count = 16
    timeout: Positive = 120.0
    tries: Count = 8
    backoff: Positive = 1.0
    longest_backoff: Positive = 60.0
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class Prices(_Settings):
    """Price of a million tokens, in any one currency."""

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


class Budget(_Settings):
    """The most that may be spent on one journal, all runs together; None: no limit."""

    requests: Count | None = None
    tokens: Count | None = None
    cost: Positive | None = None
