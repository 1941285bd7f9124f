"""What waiting costs: memory of idle TLS connections, and the delay of news.

    idle.py memory HOST TLS-PORT PASSWORD CA-FILE NUMBER
    idle.py delay  HOST PORT     PASSWORD EVENTS

``memory``: KB of resident memory for each of NUMBER connections in IDLE in one asyncio process.
``delay``: a mail is appended by another connection; milliseconds at the median and at the 95th
percentile until a raw socket in IDLE has the octets, and until a client has the typed event, both
in IDLE at the same time for the same mails.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import socket
import ssl
import statistics
import sys
import threading
import time
from pathlib import Path

from sage_imap import aio, services
from sage_imap.config import IMAPConfig

AT_ONCE = 50
USER = "idle"


def resident() -> int:
    """Octets of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


async def memory(host: str, port: int, password: str, ca_file: str, number: int) -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    context = ssl.create_default_context(cafile=ca_file)
    gate = asyncio.Semaphore(AT_ONCE)

    async def idling(index: int) -> aio.IMAPClient:
        config = IMAPConfig(
            host=host,
            port=port,
            username=f"u{index:03d}",
            password=password,
            ssl_context=context,
            timeout=60,
            connect_timeout=60,
        )
        async with gate:
            client = await aio.IMAPClient(config).connect()
            await client.select("INBOX", readonly=True)
            await client.idle()
        return client

    first = await idling(0)
    gc.collect()
    before = resident()
    clients = await asyncio.gather(*(idling(index) for index in range(1, number + 1)))
    gc.collect()
    each = (resident() - before) / number / 1024
    print(json.dumps({"connections": number, "kb_each": round(each, 1)}), flush=True)
    for client in (first, *clients):
        await client.close()


def delay(host: str, port: int, password: str, events: int) -> None:
    config = IMAPConfig(
        host=host, port=port, username=USER, password=password, security="plain", timeout=30
    )
    raw_at: list[float] = []
    typed_at: list[float] = []
    sent_at: list[float] = []
    with (
        services.IMAPClient(config) as sender,
        services.IMAPClient(config) as client,
        socket.create_connection((host, port)) as raw,
    ):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for line in (f"a LOGIN {USER} {password}", "b SELECT INBOX"):
            raw.sendall(line.encode() + b"\r\n")
            until(raw, line[:1].encode() + b" OK")
        client.select("INBOX")
        for number in range(events):
            raw.sendall(b"c IDLE\r\n")
            until(raw, b"+ ")
            with client.idle() as idle:
                waiting = [
                    threading.Thread(target=hear_raw, args=(raw, raw_at)),
                    threading.Thread(target=hear_typed, args=(idle, typed_at)),
                ]
                for thread in waiting:
                    thread.start()
                time.sleep(0.05)
                sender.append("INBOX", b"Subject: %d\r\n\r\nText\r\n" % number)
                sent_at.append(time.monotonic())
                for thread in waiting:
                    thread.join()
            raw.sendall(b"DONE\r\n")
            until(raw, b"c OK")
    report = {"events": events}
    for name, heard in (("raw", raw_at), ("typed", typed_at)):
        report |= percentiles(name, [at - sent for at, sent in zip(heard, sent_at, strict=True)])
    extra = [typed - raw for typed, raw in zip(typed_at, raw_at, strict=True)]
    print(json.dumps(report | percentiles("added", extra)), flush=True)


def until(raw: socket.socket, wanted: bytes) -> None:
    seen = b""
    while wanted not in seen:
        seen += raw.recv(65536)


def hear_raw(raw: socket.socket, heard: list[float]) -> None:
    until(raw, b"EXISTS")
    heard.append(time.monotonic())


def hear_typed(idle: services.IdleSession, heard: list[float]) -> None:
    assert idle.wait(30)
    heard.append(time.monotonic())


def percentiles(name: str, values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    worst = ordered[int(len(ordered) * 0.95)]
    return {
        f"{name}_p50_ms": round(statistics.median(ordered) * 1000, 2),
        f"{name}_p95_ms": round(worst * 1000, 2),
    }


def main() -> None:
    what, host, port, password, *rest = sys.argv[1:]
    if what == "memory":
        asyncio.run(memory(host, int(port), password, rest[0], int(rest[1])))
    else:
        delay(host, int(port), password, int(rest[0]))


if __name__ == "__main__":
    main()
