"""Where deliveries may go: connections to addresses of this machine and its network are refused.

Whoever may name an endpoint could otherwise have us post into the inside of our own network
(OWASP: server-side request forgery). The name is resolved here, each address that it resolves to is
judged, and the connection is made to that very address: what the name resolves to a moment later
does not matter. Proxies of the environment are not used, since they would resolve it anew.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import Any, Final

import httpcore

__all__ = ["GuardedNetwork", "TargetRefused", "is_public", "permitted"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# An unreachable address takes long to show; of a name with many, these are enough.
_MOST_ADDRESSES: Final = 4
# IPv6 addresses that stand for an IPv4 address in their last 32 bits: NAT64 (RFC 6052 section 2.1)
# and what is left of IPv4-compatible addresses (RFC 4291 section 2.5.5.1).
_LAST_32_BITS: Final = (
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("::/96"),
)
# What newer registers have and the library's does not: site-local addresses (RFC 3879), segment
# identifiers (RFC 9602), documentation (RFC 9637).
_NOT_GLOBAL: Final = tuple(
    ipaddress.IPv6Network(network) for network in ("fec0::/10", "5f00::/16", "3fff::/20")
)


class TargetRefused(httpcore.ConnectError):
    """The endpoint's name leads to addresses that are not public; no connection was made."""


def is_public(address: str) -> bool:
    """True if the numeric address is one of the internet at large.

    False for private, loopback, link-local (clouds keep credentials there), shared (RFC 6598),
    multicast and reserved ones, and for IPv6 addresses that stand for such an IPv4 address.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_global(each) for each in (parsed, *_embedded(parsed)))


def permitted(addresses: Iterable[str], *, allow_private: bool) -> list[str]:
    """The addresses that may be connected to, in their order, without repetition.

    Raises:
        TargetRefused: none of them may.
    """
    unique = list(dict.fromkeys(addresses))
    allowed = [address for address in unique if allow_private or is_public(address)]
    if unique and not allowed:
        raise TargetRefused(
            "its address is private, loopback or link-local; "
            "set allow_private = true if that is meant"
        )
    return allowed[:_MOST_ADDRESSES]


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """The network as httpcore sees it, without the addresses that are not permitted.

    *threads* is where names are resolved: an endpoint whose name server is dead must not use up the
    threads of the others.
    """

    def __init__(self, threads: Executor, *, allow_private: bool) -> None:
        self._threads = threads
        self._allow_private = allow_private
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the host's permitted addresses that answers."""
        addresses = permitted(await self._resolve(host, port), allow_private=self._allow_private)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectTimeout as error:
                failure = error
            except httpcore.ConnectError as error:
                failure = httpcore.ConnectError(_reason(error))
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refused: an endpoint is never on this machine's own sockets."""
        raise TargetRefused("it is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise httpcore.ConnectError(reason or "the name cannot be resolved") from error
        return found


def _reason(error: BaseException) -> str:
    """What the system says of a connection that failed, below all that is wrapped around it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return str(error)


def _look_up(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _is_global(address: _Address) -> bool:
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _NOT_GLOBAL)


def _embedded(address: _Address) -> list[_Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[_Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += address.teredo or ()
    if any(address in network for network in _LAST_32_BITS):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [each for each in found if each is not None]
