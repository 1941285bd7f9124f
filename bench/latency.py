"""From the server's raw notification to the webhook, with one endpoint hanging and one failing.

    python bench/latency.py [--mails 400] [--rate 20]

A Dovecot, ``sage-mail run`` as users start it, three endpoints: one is well, one never answers (its
attempts time out after 30 s), one answers 500. Between server and service the octets are looked at:
what is measured is the time from the server's notification of a mail on the service's own
connection to the request at the healthy endpoint. (A second connection would not do: a Dovecot in
IDLE tells each of its connections of changes at most every half second, out of step.) Then what
the metrics themselves cost.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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


class Wiretap:
    """Passes connections on to the server; ``told`` is when it told of each message, by number."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.told: dict[int, float] = {}
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


async def measure(folder: Path, server: Dovecot, mails: int, rate: float) -> None:
    """Let the mails come at the rate (a second) and print the delays of their webhooks."""
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
            appended = await _bring(server, mails, rate)
            await well.received(mails, timeout=60)
            shown = (await web.get("/metrics")).text
            began = time.perf_counter()
            for _ in range(20):
                await web.get("/metrics")
            scrape = (time.perf_counter() - began) / 20
            await service.stop()
    arrived = {int(request.json()["data"]["uid"]): request.at for request in well.requests}
    print(f"{mails} mails at {rate:g}/s, at the healthy endpoint")
    print("  over the raw notification: " + _spread(arrived, wire.told))
    print("  behind the end of APPEND:  " + _spread(arrived, appended))
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


async def _bring(server: Dovecot, mails: int, rate: float) -> dict[int, float]:
    """When the server had taken each mail, by its number."""
    loop = asyncio.get_running_loop()
    config = {"host": server.host, "port": server.port, "security": "plain"}
    async with IMAPClient({**config, "username": _USER, "password": PASSWORD}) as client:
        began, taken = loop.time(), {}
        for number in range(mails):
            await client.append("INBOX", mail(number))
            taken[number + 1] = loop.time()
            await asyncio.sleep(max(0.0, began + (number + 1) / rate - loop.time()))
    return taken


def _spread(arrived: dict[int, float], since: dict[int, float]) -> str:
    delays = [moment - since[number] for number, moment in arrived.items()]
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
