"""What a thousand followers of the live feed cost: ``feed.py [CLIENTS]``, for both transports.

The service is a process of its own. Printed are its memory for each client, and for single events
and for twenty a second how long an event takes from before its commit to the clients.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import SecretStr
from websockets.asyncio.client import connect

from sage_mail.console.service import HttpService
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.settings import FeedSettings, HttpSettings
from sage_mail.storage import Storage

_TOKEN = "the-token-of-the-bench"
_HEADER = {"Authorization": f"Bearer {_TOKEN}"}
_PAUSE = 0.05
# As large as the event of a usual mail.
_FILLER = "x" * 600


async def _serve(orders: Connection, folder: Path) -> None:
    storage = await Storage.open(f"sqlite:///{folder / 'sage.db'}", blob_dir=folder / "blobs")
    feed = FeedSettings(token=SecretStr(_TOKEN))
    service = await HttpService.open(storage, feed, HttpSettings(port=0))
    running = asyncio.create_task(service.run())
    orders.send(service.address)
    while count := await asyncio.to_thread(orders.recv):
        began = time.process_time()
        for _ in range(count):
            now = datetime.now(UTC)
            data = {"sent": time.time(), "subject": _FILLER}
            async with storage.unit_of_work() as uow:
                await uow.events.append(
                    NewEvent(
                        type=EventType.MESSAGE_NEW, account="bench", occurred_at=now, data=data
                    )
                )
                await uow.commit()
            await asyncio.sleep(_PAUSE)
        await asyncio.sleep(1)
        orders.send(time.process_time() - began)
    running.cancel()
    await asyncio.wait({running})
    await storage.close()


def _service(orders: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(orders, Path(folder)))


async def _socket(address: str) -> AsyncIterator[str]:
    url = address.replace("http", "ws", 1) + "/feed"
    async with connect(url, additional_headers=_HEADER, compression=None) as client:
        async for message in client:
            yield str(message)


async def _stream(address: str) -> AsyncIterator[str]:
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    authorization = "\r\n".join(f"{name}: {value}" for name, value in _HEADER.items())
    writer.write(f"GET /feed/events HTTP/1.1\r\nHost: {host}\r\n{authorization}\r\n\r\n".encode())
    async for line in reader:
        if line.startswith(b": ready"):
            yield '{"type": "feed.ready"}'
        elif line.startswith(b"data: "):
            yield line[6:].decode()


async def _measure(
    transport: Callable[[str], AsyncIterator[str]], clients: int, orders: Connection, pid: int
) -> None:
    address = orders.recv()
    before = _resident(pid)
    ready, latencies = asyncio.Semaphore(0), list[float]()

    async def follow() -> None:
        async for message in transport(address):
            event = json.loads(message)
            if event["type"] == "feed.ready":
                ready.release()
            elif event["type"] == "message.new":
                latencies.append(time.time() - event["data"]["sent"])

    tasks = [asyncio.create_task(follow()) for _ in range(clients)]
    for _ in tasks:
        await ready.acquire()
    print(
        f"{transport.__name__[1:]}: {(_resident(pid) - before) / clients:.0f} KiB for each client"
    )
    for count in (1, 1, 100):
        latencies.clear()
        orders.send(count)
        cpu = await asyncio.to_thread(orders.recv)
        latencies.sort()
        assert len(latencies) == count * clients
        p50, p95, worst = (1000 * latencies[int(len(latencies) * q)] for q in (0.5, 0.95, 0.999))
        print(
            f"  {count:>3} events: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99.9 {worst:.0f} ms, "
            f"{1e6 * cpu / len(latencies):.0f} us of CPU for each event and client"
        )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    orders.send(0)


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> None:
    """Measure both transports, one after the other."""
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for transport in (_socket, _stream):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_service, args=(theirs,))
        process.start()
        assert process.pid is not None
        asyncio.run(_measure(transport, clients, ours, process.pid))
        process.join()


if __name__ == "__main__":
    main()
