"""The library beside its peers in one run: medians of three rounds, CPU seconds beside walls.

    library.py [--rounds 3] [--works rows,w1,w2,sync,memory,idle]

Starts a Dovecot of its own on 127.0.0.1 and makes two mailboxes with the tools of the shared
benchmark (SAGE_SHARED/bench), in build/bench, where a second run finds the mailboxes again. A round
runs every peer of a work once, one after the other, so that a ratio comes from the same minutes.
Prints what is reached beside what is wanted; the exit status says whether all of it is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("SAGE_SHARED", "../shared")).resolve() / "bench"
PEERS = {
    "raw": [str(SHARED / "peers/raw.py")],
    "imapclient": [str(SHARED / "peers/imapclient_peer.py")],
    "imap-tools": [str(SHARED / "peers/imap_tools_peer.py")],
    "sync": [str(HERE / "peers/sage.py"), "--pattern", "sync"],
    "async": [str(HERE / "peers/sage.py"), "--pattern", "async"],
}
PORT, TLS_PORT, PASSWORD = "11143", "11993", "pass"
MAILBOXES = {"small": ("2000", "2"), "big": ("20000", "1")}
CONNECTIONS, EVENTS = "1000", "30"
Run = dict[str, Any]


@dataclass(frozen=True)
class Reached:
    """One line of the report: *value* should be at least, or at most, *wanted*."""

    what: str
    value: float
    wanted: float
    at_least: bool
    unit: str = "x"

    @property
    def is_enough(self) -> bool:
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted

    def __str__(self) -> str:
        bound = ">=" if self.at_least else "<="
        verdict = "reached" if self.is_enough else "MISSED"
        return (
            f"{self.what:<58} {self.value:>8.2f} {self.unit:<3} {bound} {self.wanted:g}  {verdict}"
        )


def python(*arguments: str) -> list[Run]:
    """Run a script; the JSON lines that it prints."""
    environment = dict(
        os.environ,
        SAGE_SHARED=str(SHARED.parent),
        BENCH_IMAP_PORT=PORT,
        BENCH_IMAPS_PORT=TLS_PORT,
        BENCH_PASSWORD=PASSWORD,
    )
    run = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """A Dovecot with both mailboxes below *folder*."""
    environment = dict(
        os.environ, BENCH_IMAP_PORT=PORT, BENCH_IMAPS_PORT=TLS_PORT, BENCH_PASSWORD=PASSWORD
    )
    for user, (count, seed) in MAILBOXES.items():
        mail = folder / "mail" / user / "Mail"
        if not mail.exists():
            print(f"making a mailbox of {count} mails", file=sys.stderr)
            maker = [sys.executable, str(SHARED / "make_mailbox.py"), str(mail)]
            options = ["--count", count, "--seed", seed, "--owner", "mail"]
            subprocess.run([*maker, *options], check=True, stdout=subprocess.DEVNULL)
    control = ["bash", str(SHARED / "dovecot.sh")]
    subprocess.run([*control, "start", str(folder)], check=True, env=environment, stdout=sys.stderr)
    try:
        yield
    finally:
        subprocess.run([*control, "stop", str(folder)], check=True, env=environment)


def medians(peers: list[str], work: str, user: str, rounds: int) -> dict[str, dict[str, float]]:
    """Wall and CPU seconds and peak memory in MB of each peer, over *rounds* in turn."""
    runs: dict[str, list[Run]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            script, *options = PEERS[peer]
            run = python(script, work, *options, "--user", user)[-1]
            print(f"  {peer:<12} {work} {json.dumps(run)}", file=sys.stderr)
            runs[peer].append(run)
    return {
        peer: {
            key: statistics.median(run[key] for run in found)
            for key in ("seconds", "cpu_seconds", "peak_rss_mb")
        }
        for peer, found in runs.items()
    }


def rows(_: int, folder: Path) -> list[Reached]:
    del folder
    wanted = {"UID + FLAGS": 10.0, "ENVELOPE + BODYSTRUCTURE": 9.0}
    return [
        Reached(f"rows offline, {run['rows']}: IMAPClient CPU / ours", run["ratio"], bound, True)
        for run in python(str(HERE / "rows.py"), "127.0.0.1", PORT, "big", PASSWORD)
        if (bound := wanted.get(run["rows"], 0.0)) is not None
    ]


def w1(rounds: int, _: Path) -> list[Reached]:
    found = medians(["raw", "imapclient", "sync", "async"], "w1", "big", rounds)
    ours = found["sync"]
    return [
        Reached(
            "W1, 20,000 envelopes: IMAPClient CPU / ours",
            found["imapclient"]["cpu_seconds"] / ours["cpu_seconds"],
            6.0,
            True,
        ),
        Reached("W1: our wall / raw socket's", ours["seconds"] / found["raw"]["seconds"], 4, False),
        shells("W1", found),
    ]


def w2(rounds: int, _: Path) -> list[Reached]:
    found = medians(["raw", "imap-tools", "sync", "async"], "w2", "small", rounds)
    ours = found["sync"]
    large = medians(["sync"], "w2", "big", 1)["sync"]
    return [
        Reached(
            "W2, 2,000 mails: imap_tools CPU / ours",
            found["imap-tools"]["cpu_seconds"] / ours["cpu_seconds"],
            8.0,
            True,
        ),
        Reached(
            "W2: our wall / raw socket's", ours["seconds"] / found["raw"]["seconds"], 2.5, False
        ),
        shells("W2", found),
        Reached("W2, 20,000 mails (1 GB): peak RSS", large["peak_rss_mb"], 150, False, "MB"),
    ]


def shells(work: str, found: dict[str, dict[str, float]]) -> Reached:
    """The blocking shell's CPU beside that of asyncio."""
    ratio = found["sync"]["cpu_seconds"] / found["async"]["cpu_seconds"]
    return Reached(f"{work}: blocking shell's CPU / asyncio's", ratio, 1.2, False)


def memory(_: int, folder: Path) -> list[Reached]:
    authority = str(folder / "tls/ca.pem")
    arguments = ("memory", "localhost", TLS_PORT, PASSWORD, authority, CONNECTIONS)
    (run,) = python(str(HERE / "idle.py"), *arguments)
    return [Reached("1,000 idle TLS connections, each", run["kb_each"], 60, False, "KB")]


def idle(_: int, folder: Path) -> list[Reached]:
    del folder
    (run,) = python(str(HERE / "idle.py"), "delay", "127.0.0.1", PORT, PASSWORD, EVENTS)
    return [Reached("IDLE: typed event behind the raw socket", run["added_p50_ms"], 5, False, "ms")]


WORKS = {"rows": rows, "w1": w1, "w2": w2, "memory": memory, "idle": idle}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--folder", type=Path, default=HERE.parent / "build" / "bench")
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with server(folder):
        report = [
            line for work in given.works.split(",") for line in WORKS[work](given.rounds, folder)
        ]
    print(*report, sep="\n")
    return 0 if all(line.is_enough for line in report) else 1


if __name__ == "__main__":
    raise SystemExit(main())
