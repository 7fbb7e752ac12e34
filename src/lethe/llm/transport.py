"""HTTP as we want it of ``openai``'s client. Importing this imports ``openai``: do so late.

It follows no redirects, which would send the key to another address and would not count in the
budget. It limits the length of an answer, so that a service that never ends one cannot fill the
memory.
"""

import os
import ssl
from functools import cache

import openai
from httpx2 import Response, create_ssl_context

MOST_BYTES = 1 << 24
# Where certificates of authorities are, if they are not the usual ones.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class Oversized(Exception):
    """The body is longer than any answer can be."""


class Transport(openai.DefaultAsyncHttpxClient):
    """Follows no redirects, reads bodies up to a limit, and asks for uncompressed ones."""

    def __init__(self, timeout: float):
        places = map(os.environ.get, CERTIFICATES)
        super().__init__(timeout=timeout, follow_redirects=False, verify=_authorities(*places))
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


@cache
def _authorities(file: str | None, folder: str | None) -> ssl.SSLContext:
    """The authorities that are trusted, which take a tenth of a second to load.

    ``file``, ``folder``: the variables of the environment that decide which they are.
    """
    return create_ssl_context()


async def _bounded(response: Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Oversized(f"longer than {MOST_BYTES >> 20} MiB")
    return bytes(body)


def _plain(response: Response) -> list[tuple[bytes, bytes]]:
    """Headers without those about the encoding, which has been undone."""
    gone = (b"content-encoding", b"content-length", b"transfer-encoding")
    return [(name, value) for name, value in response.headers.raw if name.lower() not in gone]
