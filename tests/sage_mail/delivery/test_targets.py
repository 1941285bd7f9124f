"""Which addresses are connected to: judged and used are the same."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import pytest

from sage_mail.delivery.sender import Sender
from sage_mail.delivery.targets import GuardedNetwork, TargetRefused, is_public, permitted
from tests.support.receiver import Answer, Receiver


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "0.0.0.0",
            "::",
            "::1",
        ),
        *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.64.0.1"),
        *("224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "::127.0.0.1"),
        *("2002:7f00:1::1", "2001:0:7f00:1::", "no address"),
        *("fec0::1", "feff::1", "3fff::1", "5f00::1"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    """Private, loopback, link-local, shared, reserved, and IPv6 that stands for such an IPv4."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_what_is_public(address: str) -> None:
    """Addresses of the internet at large."""
    assert is_public(address)


def test_of_several_addresses_the_permitted_ones_remain() -> None:
    """A name with one inner and one outer address leads to the outer one, and only that."""
    assert permitted(["10.0.0.1", "1.1.1.1", "1.1.1.1"], allow_private=False) == ["1.1.1.1"]
    assert permitted(["10.0.0.1"], allow_private=True) == ["10.0.0.1"]
    with pytest.raises(TargetRefused, match="allow_private"):
        permitted(["10.0.0.1", "::1"], allow_private=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433"])
async def test_this_machine_is_refused(host: str) -> None:
    """By whatever name this machine is called: nothing is connected, and the error says why."""
    async with Receiver() as receiver:
        url = f"http://{host}:{receiver.port}/hook"
        async with Sender(url, timeout=5, connections=1) as sender:
            outcome = await sender.post(b"{}", {})
        assert receiver.connections == 0
    assert outcome.status is None
    assert outcome.error is not None
    assert "private, loopback or link-local" in outcome.error


async def test_a_redirect_inside_is_not_followed() -> None:
    """A public endpoint cannot send us to an inner one."""
    async with Receiver() as inner, Receiver() as outer:
        outer.script(Answer(status=307, headers={"Location": inner.url}))
        async with Sender(outer.url, timeout=5, connections=1, allow_private=True) as sender:
            outcome = await sender.post(b"{}", {})
        assert outcome.status == 307
        assert inner.connections == 0


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name anew, so deliveries go without."""
    async with Receiver() as proxy, Receiver() as receiver:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with Sender(receiver.url, timeout=5, connections=1, allow_private=True) as sender:
            outcome = await sender.post(b"{}", {})
        assert outcome.delivered
        assert proxy.connections == 0


class _Recording(httpcore.AsyncNetworkBackend):
    """A network that notes where it is to connect to, and never does."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.hosts.append(host)
        raise httpcore.ConnectError("not in this test")


async def test_a_name_that_changes_its_address(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once; what was judged is what is connected to, as a number."""
    answers = [["1.1.1.1", "10.0.0.1"], ["10.0.0.1"]]

    def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        found = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    network = GuardedNetwork(threads, allow_private=False)
    recording = _Recording()
    network._network = recording  # type: ignore[assignment]
    with pytest.raises(httpcore.ConnectError, match="not in this test"):
        await network.connect_tcp("rebinding.example", 443)
    assert recording.hosts == ["1.1.1.1"]
    with pytest.raises(TargetRefused):
        await network.connect_tcp("rebinding.example", 443)
    assert recording.hosts == ["1.1.1.1"]


async def test_names_that_lead_nowhere(threads: ThreadPoolExecutor) -> None:
    """A name that does not resolve and a socket's path are errors of the network."""
    network = GuardedNetwork(threads, allow_private=True)
    with pytest.raises(httpcore.ConnectError):
        await network.connect_tcp("a" * 70 + ".invalid", 80)
    with pytest.raises(TargetRefused):
        await network.connect_unix_socket("/run/x.sock")
    await network.sleep(0)
