"""One attempt of a delivery: a POST, and what came of it as a value.

Redirects are not followed, cookies not kept, proxies not used, and of the answer no more than a
kibibyte is read. Of the address of an endpoint no more than host and port appears in a log or an
error: many carry a token behind them.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Self

import httpcore
import httpx

from sage_mail.delivery.schedule import retry_after
from sage_mail.delivery.targets import GuardedNetwork

__all__ = ["Outcome", "Sender"]

_EXCERPT_BYTES = 1024
# The status line decides; a body that does not come is not worth more waiting than this.
_EXCERPT_SECONDS = 1.0
_ERROR_CHARACTERS = 200
_KEEPALIVE_SECONDS = 60.0
_OVERLOADED: Final = (429, 503)
_PORTS: Final = {"http": 80, "https": 443}

_NETWORK_ERRORS: Final = (
    httpcore.ConnectionNotAvailable,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


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

    @property
    def asked_rest(self) -> float:
        """The seconds for which the endpoint wants no post at all; 0.0 where it did not say so.

        429 is about all that one client sends (RFC 6585 section 4) and 503 about the whole server
        (RFC 9110 section 15.6.4); with other codes Retry-After is about the one request.
        """
        return (self.asked_pause or 0.0) if self.status in _OVERLOADED else 0.0


class Sender:
    """Posts to one endpoint, with connections and threads of its own.

    Args:
        url: where to post.
        timeout: seconds that one attempt may take in all.
        connections: how many attempts may be under way at once.
        allow_private: whether the endpoint may lie on this machine or in its network.
        user_agent: who we say that we are; sage-mail and its version by default.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        connections: int,
        allow_private: bool = False,
        user_agent: str | None = None,
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._user_agent = user_agent or f"sage-mail/{_version()}"
        # Two: one may wait for a dead name server while the other asks again.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sage-webhook")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls_context(),
            max_connections=connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=GuardedNetwork(self._threads, allow_private=allow_private),
        )

    @property
    def threads(self) -> ThreadPoolExecutor:
        """The endpoint's own threads, for whatever may block on its behalf."""
        return self._threads

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post the body as JSON with the headers; never raises for what the network does."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._pool.handle_async_request(self._request(body, headers))
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except httpx.InvalidURL:
            error = "the exchange failed: the address cannot be used"
        except _NETWORK_ERRORS as problem:
            error = _describe(problem, httpx.URL(self._url))
        else:
            return await self._answered(response, time.perf_counter() - started)
        return Outcome(error=error, latency=time.perf_counter() - started)

    def _request(self, body: bytes, headers: Mapping[str, str]) -> httpcore.Request:
        url = httpx.URL(self._url)  # it knows how a name beyond ASCII is written on the wire
        fields = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self._user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        if url.userinfo:
            fields["Authorization"] = _basic(url)
        return httpcore.Request(
            method="POST",
            url=httpcore.URL(
                scheme=url.raw_scheme,
                host=url.raw_host,
                port=url.port or _PORTS[url.scheme],
                target=url.raw_path,
            ),
            headers=list(fields.items()),
            content=body,
        )

    async def _answered(self, response: httpcore.Response, latency: float) -> Outcome:
        try:
            excerpt = await _excerpt(response)
        finally:
            await response.aclose()
        status = response.status
        error = None if 200 <= status < 300 else f"HTTP {status}"
        if 300 <= status < 400:
            error = f"HTTP {status}: redirects are not followed; set the final address"
        return Outcome(
            status=status,
            error=error,
            latency=latency,
            excerpt=excerpt,
            asked_pause=retry_after(_field(response, b"retry-after"), datetime.now(UTC)),
        )


def _basic(url: httpx.URL) -> str:
    """RFC 7617, of what an address names before its host."""
    login = f"{url.username}:{url.password}".encode()
    return f"Basic {base64.b64encode(login).decode()}"


def _field(response: httpcore.Response, name: bytes) -> str | None:
    values = [value for field, value in response.headers if field.lower() == name]
    return values[0].decode("latin-1") if values else None


async def _excerpt(response: httpcore.Response) -> str:
    kept = bytearray()
    try:
        async with asyncio.timeout(_EXCERPT_SECONDS):
            async for chunk in response.aiter_stream():
                kept += chunk[: _EXCERPT_BYTES - len(kept)]
                if len(kept) >= _EXCERPT_BYTES:
                    break
    except (TimeoutError, *_NETWORK_ERRORS):
        pass  # the status line is the answer; its text is a courtesy
    text = kept.decode("utf-8", "replace")
    return "".join(ch if ch.isprintable() or ch in "\n\t" else "\ufffd" for ch in text)


def _describe(problem: Exception, url: httpx.URL) -> str:
    if isinstance(problem, httpcore.ConnectError | httpcore.ConnectTimeout):
        host = f"[{url.host}]" if ":" in url.host else url.host
        where = f"{host}:{url.port or _PORTS[url.scheme]}"
        return f"cannot connect to {where}: {str(problem) or 'no answer'}"[:_ERROR_CHARACTERS]
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
