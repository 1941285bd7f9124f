"""From the server's raw notification to the webhook, with one endpoint hanging and one failing.

    python bench/latency.py [--mails 400] [--rates 1 20]

A Dovecot, ``sage-mail run`` as users start it, three endpoints: one is well, one never answers (its
attempts time out after 30 s), one answers 500. Between server and service the octets are looked at:
what is measured is the time from the server's notification of a mail on the service's own
connection to the request at the healthy endpoint. (A second connection would not do: a Dovecot in
IDLE tells each of its connections of changes at most every half second, out of step.) When a mail
is committed is seen by a second reader of the database, which looks every two milliseconds. One
rate after the other, with the seconds of CPU that the service took meanwhile; then what the metrics
themselves cost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT)]

# Found by the line above.
from tests.live.process import Service, written  # noqa: E402
from tests.live.system import account, mail  # noqa: E402
from tests.support.dovecot import PASSWORD, Dovecot, dovecot_server  # noqa: E402
from tests.support.receiver import Answer, Receiver  # noqa: E402

from sage_imap.aio import IMAPClient  # noqa: E402
from sage_mail.delivery.schedule import Delivered  # noqa: E402
from sage_mail.metrics import Metrics  # noqa: E402

_USER = "bench"
_PORT = 18766
_LOOK_SECONDS = 0.002
# At a slow rate so many seconds are enough, and nobody waits for four hundred mails.
_LONGEST_SECONDS = 45

Moments = dict[int, float]


class Wiretap:
    """Passes connections on to the server; ``told`` is when it told of each message, by number."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.told: Moments = {}
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        pumps = {
            asyncio.ensure_future(_pump(reader, far_writer)),
            asyncio.ensure_future(_pump(far_reader, writer, self._look)),
        }
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)
        writer.close()
        far_writer.close()

    def _look(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        for found in re.finditer(rb"\* (\d+) EXISTS", data):
            for number in range(max(self.told, default=0) + 1, int(found[1]) + 1):
                self.told[number] = now


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    look: Callable[[bytes], None] | None = None,
) -> None:
    while data := await reader.read(65536):
        if look is not None:
            look(data)
        writer.write(data)
        await writer.drain()


class Reader:
    """Reads the service's database beside it; ``committed`` is when each message was, by UID."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.committed: Moments = {}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._read())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _read(self) -> None:
        loop, version, last = asyncio.get_running_loop(), 0, 0
        uri = f"file:{self._database}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            while True:
                # It changes with the commits of others (sqlite.org/pragma.html#pragma_data_version)
                (current,) = connection.execute("PRAGMA data_version").fetchone()
                if current != version:
                    version, now = current, loop.time()
                    for seq, uid in connection.execute(_NEWS, (last,)):
                        last = seq
                        self.committed[uid] = now
                await asyncio.sleep(_LOOK_SECONDS)


_NEWS = (
    "SELECT seq, json_extract(data, '$.uid') FROM events"
    " WHERE seq > ? AND type = 'message.new' ORDER BY seq"
)


@dataclass(frozen=True)
class Bench:
    """What is measured with."""

    server: Dovecot
    service: Service
    web: httpx.AsyncClient
    wire: Wiretap
    reader: Reader
    well: Receiver
    ill: Sequence[Receiver]

    def cpu(self) -> float:
        """The seconds of CPU that the service has taken so far, its ended children included."""
        stat = Path(f"/proc/{self.service.process.pid}/stat").read_text()
        ticks = stat.rpartition(")")[2].split()[11:15]  # proc(5): utime, stime, cutime, cstime
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


async def measure(folder: Path, server: Dovecot, mails: int, rates: Sequence[float]) -> None:
    """Let the mails come at each rate (a second) and print the delays of their webhooks."""
    wire = Wiretap(server.port)
    async with (
        Receiver() as well,
        Receiver(default=Answer(hang=True)) as hangs,
        Receiver(default=Answer(status=500)) as fails,
        wire.open(),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{_PORT}") as web,
    ):
        hooks = [
            {"name": name, "url": receiver.url, "allow_private": True, "events": ["message.new"]}
            for name, receiver in (("well", well), ("hangs", hangs), ("fails", fails))
        ]
        table = {
            "data_dir": str(folder / "data"),
            "http": {"port": _PORT},
            "accounts": [account(server, _USER, port=wire.port)],
            "webhooks": hooks,
            "log": {"level": "WARNING"},
        }
        async with Service(written(folder, table)).running() as service:
            await _ready(web)
            reader = Reader(folder / "data" / "sage.db")
            async with reader.reading():
                bench = Bench(server, service, web, wire, reader, well, (hangs, fails))
                for rate in rates:
                    count = min(mails, max(1, round(_LONGEST_SECONDS * rate)))
                    await _at_rate(bench, count, rate)
            await _scrape(web)
            await service.stop()


async def _at_rate(bench: Bench, mails: int, rate: float) -> None:
    first = len(bench.well.requests)
    ill = [len(receiver.requests) for receiver in bench.ill]
    spent = bench.cpu()
    appended = await _bring(bench.server, first, mails, rate)
    await bench.well.received(first + mails, timeout=60)
    spent = bench.cpu() - spent
    arrived = {
        int(request.json()["data"]["uid"]): request.at for request in bench.well.requests[first:]
    }
    hanging, failing = (
        len(receiver.requests) - before for receiver, before in zip(bench.ill, ill, strict=True)
    )
    print(f"{mails} mails at {rate:g}/s, at the healthy endpoint")
    print("  from the raw notification: " + _spread(arrived, bench.wire.told))
    print("  from the commit:           " + _spread(arrived, bench.reader.committed))
    print("  from the end of APPEND:    " + _spread(arrived, appended))
    print(f"  requests meanwhile: hanging {hanging}, failing {failing}")
    print(f"  CPU of the service: {spent / mails * 1000:.1f} ms a mail, {spent:.1f} s in all")


async def _ready(web: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await web.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _bring(server: Dovecot, first: int, mails: int, rate: float) -> Moments:
    """When the server had taken each mail, by its number; *first* are there before."""
    loop = asyncio.get_running_loop()
    config = {"host": server.host, "port": server.port, "security": "plain"}
    async with IMAPClient({**config, "username": _USER, "password": PASSWORD}) as client:
        began, taken = loop.time(), {}
        for number in range(mails):
            await client.append("INBOX", mail(first + number))
            taken[first + number + 1] = loop.time()
            await asyncio.sleep(max(0.0, began + (number + 1) / rate - loop.time()))
    return taken


async def _scrape(web: httpx.AsyncClient) -> None:
    shown, seconds = "", []
    for _ in range(20):
        began = time.perf_counter()
        shown = (await web.get("/metrics")).text
        seconds.append(time.perf_counter() - began)
    print(f"a scrape: {statistics.median(seconds) * 1000:.1f} ms, {len(shown) // 1024} KiB")


def _spread(arrived: Moments, since: Moments) -> str:
    delays = [moment - since[number] for number, moment in arrived.items()]
    cuts = statistics.quantiles(delays, n=100, method="inclusive")
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
    parser.add_argument("--mails", type=int, default=400, help="at each rate, at most")
    parser.add_argument("--rates", type=float, nargs="+", default=[1.0, 20.0], help="a second")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as name:
        folder = Path(name)
        (folder / "dovecot").mkdir()
        folder.chmod(0o755)
        with dovecot_server(folder / "dovecot") as server:
            asyncio.run(measure(folder, server, chosen.mails, chosen.rates))
    cost()


if __name__ == "__main__":
    main()
