"""HTTP as we want it of ``openai``'s client. Importing this imports ``openai``: do so late.

No redirections: they would send the key to an address that nobody named, and each is a request
that no budget counts. No answer longer than any can be: a service that never ends one would fill
the memory.
"""

import openai
from httpx2 import Response

MOST_BYTES = 1 << 24


class Oversized(Exception):
    """The body is longer than any answer."""


class Transport(openai.DefaultAsyncHttpxClient):
    """Follows no redirections and reads bodies up to a limit, uncompressed if it has its way."""

    def __init__(self, timeout: float):
        super().__init__(timeout=timeout, follow_redirects=False)
        self.headers["Accept-Encoding"] = "identity"

    async def send(self, request, **options) -> Response:
        options |= {"stream": True, "follow_redirects": False}
        response = await super().send(request, **options)
        try:
            body = await _bounded(response)
        finally:
            await response.aclose()
        return Response(
            response.status_code, headers=_plain(response), content=body, request=request
        )


async def _bounded(response: Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Oversized(f"longer than {MOST_BYTES >> 20} MiB")
    return bytes(body)


def _plain(response: Response) -> list[tuple[bytes, bytes]]:
    """Headers without those of a compression that is undone."""
    gone = (b"content-encoding", b"content-length", b"transfer-encoding")
    return [(name, value) for name, value in response.headers.raw if name.lower() not in gone]
