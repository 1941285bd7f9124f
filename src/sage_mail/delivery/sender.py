"""One attempt of a delivery: a POST, and what came of it as a value.

Redirects are not followed, cookies not kept, and of the answer no more than a kibibyte is read.
The address of an endpoint appears in no log and no error: many carry a token.
"""

from __future__ import annotations

import asyncio
import functools
import http.cookiejar
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Self

import httpx

from sage_mail.delivery.schedule import retry_after

__all__ = ["Outcome", "Sender"]

_EXCERPT_BYTES = 1024
# The status line decides; a body that does not come is not worth more waiting than this.
_EXCERPT_SECONDS = 1.0
_ERROR_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt: an answer with its status, or an error without one.

    ``latency`` are the seconds until the status line or the error, ``asked_pause`` those that
    the endpoint asked for by Retry-After, ``excerpt`` the beginning of the answer's body.
    """

    status: int | None = None
    error: str | None = None
    latency: float = 0.0
    excerpt: str = ""
    asked_pause: float | None = None

    @property
    def delivered(self) -> bool:
        """True if the endpoint answered 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts to one endpoint, with connections of its own.

    Args:
        url: where to post.
        timeout: seconds that one attempt may take in all.
        connections: how many attempts may be under way at once.
    """

    def __init__(self, url: str, *, timeout: float, connections: int) -> None:
        self._url = url
        self._timeout = timeout
        no_cookies = http.cookiejar.CookieJar(
            http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
        )
        self._client = httpx.AsyncClient(
            verify=_tls_context(),
            follow_redirects=False,
            timeout=None,  # noqa: S113 - one deadline for the whole attempt, see `post`
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=60),
            headers={
                "User-Agent": f"sage-mail/{_version()}",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
            },
            cookies=no_cookies,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post the body as JSON with the headers; never raises for what the network does."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.send(self._request(body, headers), stream=True)
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            error = _describe(problem)
        else:
            return await self._answered(response, time.perf_counter() - started)
        return Outcome(error=error, latency=time.perf_counter() - started)

    def _request(self, body: bytes, headers: Mapping[str, str]) -> httpx.Request:
        return self._client.build_request(
            "POST",
            self._url,
            content=body,
            headers={"Content-Type": "application/json", **headers},
        )

    async def _answered(self, response: httpx.Response, latency: float) -> Outcome:
        try:
            excerpt = await _excerpt(response)
        finally:
            await response.aclose()
        status = response.status_code
        error = None if 200 <= status < 300 else f"HTTP {status}"
        if response.is_redirect:
            error = f"HTTP {status}: redirects are not followed; set the final address"
        return Outcome(
            status=status,
            error=error,
            latency=latency,
            excerpt=excerpt,
            asked_pause=retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
        )


async def _excerpt(response: httpx.Response) -> str:
    kept = bytearray()
    try:
        async with asyncio.timeout(_EXCERPT_SECONDS):
            async for chunk in response.aiter_raw():
                kept += chunk[: _EXCERPT_BYTES - len(kept)]
                if len(kept) >= _EXCERPT_BYTES:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass  # the status line is the answer; its text is a courtesy
    text = kept.decode("utf-8", "replace")
    return "".join(ch if ch.isprintable() or ch in "\n\t" else "\ufffd" for ch in text)


def _describe(problem: Exception) -> str:
    if isinstance(problem, httpx.ConnectError):
        return f"cannot connect: {problem}"[:_ERROR_CHARACTERS]
    # Only the kind: the texts of the others may quote the address.
    return f"the exchange failed: {type(problem).__name__}"


@functools.cache
def _tls_context() -> ssl.SSLContext:
    # Shared: reading the authorities takes some 20 ms, which a hundred endpoints would feel.
    return httpx.create_ssl_context()


def _version() -> str:
    try:
        return version("sage-imap")
    except PackageNotFoundError:
        return "0"
