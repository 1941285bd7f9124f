"""From the server's raw notification to the webhook, with one endpoint hanging and one failing.

    python bench/latency.py [--mails 400] [--rate 20]

A Dovecot, ``sage-mail run`` as users start it, three endpoints: one is well, one never answers (its
attempts time out after 30 s), one answers 500. A second connection in IDLE, raw, says when the
server has told of each mail; what is measured is the time from there to the request at the healthy
endpoint. Then what the metrics themselves cost.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.live.process import Service, written
from tests.live.system import account, mail
from tests.support.dovecot import PASSWORD, Dovecot, dovecot_server
from tests.support.receiver import Answer, Receiver

from sage_imap.aio import IMAPClient
from sage_mail.delivery.schedule import Delivered
from sage_mail.metrics import Metrics

_USER = "bench"
_PORT = 18766


class Bystander:
    """A bare connection in IDLE; ``told`` is when it was told of each message, by its number."""

    def __init__(self) -> None:
        self.told: dict[int, float] = {}

    @asynccontextmanager
    async def idling(self, server: Dovecot) -> AsyncIterator[None]:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(f"a LOGIN {_USER} {PASSWORD}\r\nb SELECT INBOX\r\n".encode())
        await reader.readuntil(b"\r\nb OK")
        writer.write(b"c IDLE\r\n")
        await reader.readuntil(b"+ ")
        listening = asyncio.create_task(self._listen(reader))
        yield
        listening.cancel()
        await asyncio.wait({listening})
        writer.close()
        await writer.wait_closed()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        while line := await reader.readline():
            found = re.match(rb"\* (\d+) EXISTS", line)
            for number in range(1, int(found[1]) + 1) if found else ():
                self.told.setdefault(number, loop.time())


async def measure(folder: Path, server: Dovecot, mails: int, rate: float) -> None:
    """Let the mails come at the rate (a second) and print the delays of their webhooks."""
    async with (
        Receiver() as well,
        Receiver(default=Answer(hang=True)) as hangs,
        Receiver(default=Answer(status=500)) as fails,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{_PORT}") as web,
    ):
        hooks = [
            {"name": name, "url": receiver.url, "allow_private": True, "events": ["message.new"]}
            for name, receiver in (("well", well), ("hangs", hangs), ("fails", fails))
        ]
        table = {
            "data_dir": str(folder / "data"),
            "http": {"port": _PORT},
            "accounts": [account(server, _USER)],
            "webhooks": hooks,
            "log": {"level": "WARNING"},
        }
        bystander = Bystander()
        async with (
            Service(written(folder, table)).running() as service,
            bystander.idling(server),
        ):
            await _ready(web)
            await _bring(server, mails, rate)
            await well.received(mails, timeout=60)
            shown = (await web.get("/metrics")).text
            began = time.perf_counter()
            for _ in range(20):
                await web.get("/metrics")
            scrape = (time.perf_counter() - began) / 20
            await service.stop()
    delays = [
        request.at - bystander.told[int(request.json()["data"]["uid"])] for request in well.requests
    ]
    print(f"{mails} mails at {rate:g}/s, healthy endpoint, over the raw notification:")
    print("  " + _spread(delays))
    print(f"  requests meanwhile: hanging {len(hangs.requests)}, failing {len(fails.requests)}")
    print(f"  a scrape: {scrape * 1000:.1f} ms, {len(shown) // 1024} KiB")


async def _ready(web: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await web.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _bring(server: Dovecot, mails: int, rate: float) -> None:
    loop = asyncio.get_running_loop()
    config = {"host": server.host, "port": server.port, "security": "plain"}
    async with IMAPClient({**config, "username": _USER, "password": PASSWORD}) as client:
        began = loop.time()
        for number in range(mails):
            await client.append("INBOX", mail(number))
            await asyncio.sleep(max(0.0, began + (number + 1) / rate - loop.time()))


def _spread(delays: list[float]) -> str:
    cuts = statistics.quantiles(delays, n=100)
    return ", ".join(
        f"{name} {seconds * 1000:.0f} ms"
        for name, seconds in (
            ("p50", cuts[49]),
            ("p95", cuts[94]),
            ("p99", cuts[98]),
            ("max", max(delays)),
        )
    )


def cost() -> None:
    """Print what all that is recorded of one mail with three endpoints costs."""
    metrics = Metrics()
    count = 20_000
    began = time.perf_counter()
    for number in range(count):
        detected = time.monotonic()
        metrics.behind("work", "INBOX", 1)
        metrics.announced([number], detected)
        metrics.committed("work", ["support"], detected)
        for endpoint in ("one", "two", "three"):
            metrics.attempted(endpoint, number, Delivered(), detected)
        metrics.behind("work", "INBOX", 0)
    each = (time.perf_counter() - began) / count
    print(f"what is recorded of a mail with three endpoints: {each * 1e6:.0f} microseconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as name:
        folder = Path(name)
        (folder / "dovecot").mkdir()
        folder.chmod(0o755)
        with dovecot_server(folder / "dovecot") as server:
            asyncio.run(measure(folder, server, chosen.mails, chosen.rate))
    cost()


if __name__ == "__main__":
    main()
