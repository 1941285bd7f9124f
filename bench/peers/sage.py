"""`sage_imap` as a peer of the shared benchmark: it prints the same JSON line as the others.

    sage.py WORK [--pattern sync|async] [--tls] [--user NAME]

W1 reads every envelope with flags, size and date into typed rows and looks at every field; W2
downloads every message and reads subject, addresses, date, bodies and attachments.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("SAGE_SHARED", "../shared"))
sys.path.insert(0, str(SHARED / "bench" / "peers"))

from _common import Check, Clock, arguments, report  # type: ignore[import-not-found] # noqa: E402

from sage_imap import aio, services  # noqa: E402
from sage_imap.helpers.enums import MessagePart  # noqa: E402
from sage_imap.models.email import EmailMessage  # noqa: E402
from sage_imap.models.results import FetchRow  # noqa: E402

ENVELOPES = (MessagePart.FLAGS, MessagePart.INTERNALDATE, MessagePart.SIZE, MessagePart.ENVELOPE)
BODIES = (MessagePart.RFC822,)


class Reader:
    """What is done with each row, and the sums that show that all peers found the same."""

    def __init__(self, work: str) -> None:
        self.check = Check()
        self.octets = 0
        self.kept: list[Any] = []
        self.items = ENVELOPES if work == "w1" else BODIES
        self.take = self.envelope if work == "w1" else self.message

    def envelope(self, row: FetchRow) -> None:
        envelope = row.envelope
        assert envelope is not None
        people = envelope.from_ + envelope.to + envelope.cc
        self.kept.append((row.uid, row.flags, row.internaldate, row.size, envelope.subject, people))
        self.check.envelope(envelope.subject, len(people), envelope.date)

    def message(self, row: FetchRow) -> None:
        message: EmailMessage = row.message()
        self.octets += message.size
        people = message.from_addresses + message.to_addresses + message.cc_addresses
        self.check.envelope(message.subject, len(people), message.date)
        found = [(a.filename, a.content_type, a.size) for a in message.attachments]
        self.check.body(message.plain_body, message.html_body, found)


def config(given: argparse.Namespace) -> dict[str, Any]:
    context = ssl.create_default_context(cafile=given.ca or None) if given.tls else None
    return {
        "host": "localhost" if given.tls else given.host,
        "port": given.port,
        "username": given.user,
        "password": given.password,
        "security": "tls" if given.tls else "plain",
        "ssl_context": context,
    }


def blocking(given: argparse.Namespace, reader: Reader) -> None:
    with services.IMAPClient(config(given)) as client:
        client.select("INBOX", readonly=True)
        for row in client.iter_fetch(client.search(), reader.items):
            assert isinstance(row, FetchRow)
            reader.take(row)


async def asynchronous(given: argparse.Namespace, reader: Reader) -> None:
    async with aio.IMAPClient(config(given)) as client:
        await client.select("INBOX", readonly=True)
        async for row in client.iter_fetch(await client.search(), reader.items):
            assert isinstance(row, FetchRow)
            reader.take(row)


def main() -> None:
    given = arguments()
    if given.work not in ("w1", "w2"):
        raise SystemExit(f"sage has no {given.work}")
    reader = Reader(given.work)
    with Clock() as clock:
        if given.pattern == "async":
            asyncio.run(asynchronous(given, reader))
        else:
            blocking(given, reader)
    name = f"sage-{given.pattern or 'sync'}"
    found = reader.check.v
    report(name, given.work, clock, found["messages"], reader.octets, found)


main()
