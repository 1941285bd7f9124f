"""Rows of FETCH offline, ours beside IMAPClient's: octets in memory to values, no network.

    rows.py HOST PORT USER PASSWORD

The octets are what the server sends for the mailbox; both read the same, one after the other,
three times. Prints one JSON line for each kind of row: our rows per CPU second, and how many times
theirs that is. IMAPClient leaves text undecoded; we decode it when it is first asked for.
"""

from __future__ import annotations

import gc
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from imapclient.response_parser import parse_fetch_response  # type: ignore[import-untyped]

from sage_imap.models.structure import BodyPart
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import NEED_DATA, FetchReceived
from sage_imap.protocol.framing import Framer
from sage_imap.protocol.state import ConnectionState

STRUCTURES = "UID ENVELOPE BODYSTRUCTURE"
KINDS = (
    ("UID + FLAGS", "UID FLAGS", False),
    ("ENVELOPE + BODYSTRUCTURE", STRUCTURES, False),
    ("ENVELOPE + BODYSTRUCTURE, every field decoded", STRUCTURES, True),
)
READ = 256 * 1024
ROUNDS = 3
LONG_ENOUGH = 0.5
ENVELOPE = ("date", "subject", "from_", "sender", "reply_to", "to", "cc", "bcc", "message_id")
PART = ("type", "params", "id", "description", "encoding", "size", "disposition", "filename")


def octets(host: str, port: int, user: str, password: str, items: str) -> bytes:
    """What the server answers to FETCH 1:* (*items*)."""
    with socket.create_connection((host, port)) as sock, sock.makefile("rb") as stream:
        sock.sendall(f"a LOGIN {user} {password}\r\nb EXAMINE INBOX\r\n".encode())
        while not stream.readline().startswith(b"b "):
            pass
        sock.sendall(f"c FETCH 1:* ({items})\r\n".encode())
        lines = []
        while not (line := stream.readline()).startswith(b"c "):
            lines.append(line)
    return b"".join(lines)


def ours(data: bytes, read: bool) -> int:  # noqa: FBT001 - it is bound by position
    """Read every row, and if *read* every field that is decoded late; the number of rows."""
    connection = Connection(state=ConnectionState.SELECTED)
    count = 0
    for start in range(0, len(data), READ):
        connection.receive_data(data[start : start + READ])
        while (event := connection.next_event()) is not NEED_DATA:
            assert isinstance(event, FetchReceived)
            if read:
                touch(event)
            count += 1
    return count


def touch(event: FetchReceived) -> None:
    """Look at every field that is decoded late."""
    envelope = event.items.get("ENVELOPE")
    if envelope is not None:
        for name in ENVELOPE:
            getattr(envelope, name)
    structure = event.items.get("BODYSTRUCTURE")
    if isinstance(structure, BodyPart):
        pending = [structure]
        while pending:
            part = pending.pop()
            for name in PART:
                getattr(part, name)
            pending += part.parts


def pieces(data: bytes) -> list[object]:
    """The responses as imaplib hands them to IMAPClient: text, or text with a literal."""
    framer = Framer()
    framer.feed(data)
    found: list[object] = []
    while (frame := framer.next_frame()) is not None:
        text, position = frame.data[2:].partition(b" FETCH ")[::2], 0
        offset = len(frame.data) - len(text[1])
        for start, end in frame.literals:
            found.append(
                (
                    prefix(text[0], frame.data[offset + position : start - 2], position),
                    frame.data[start:end],
                )
            )
            position = end - offset
        found.append(prefix(text[0], frame.data[offset + position :], position))
    return found


def prefix(number: bytes, text: bytes, position: int) -> bytes:
    """The number of the message stands before its first piece alone."""
    return text if position else number + b" " + text


def theirs(found: list[object]) -> int:
    """IMAPClient's parser over the same rows; the number of rows."""
    return len(parse_fetch_response(found, normalise_times=True, uid_is_key=True))


def seconds(work: Callable[[], int]) -> tuple[float, int]:
    """CPU seconds for one turn of *work*, taken over as many as fill half a second; its rows."""
    turns = 0
    begun = time.process_time()
    while True:
        rows = work()
        turns += 1
        spent = time.process_time() - begun
        if spent >= LONG_ENOUGH:
            return spent / turns, rows


def main() -> None:
    host, port, user, password = sys.argv[1:5]
    for kind, items, read in KINDS:
        data = octets(host, int(port), user, password, items)
        found = pieces(data)
        gc.collect()
        gc.freeze()  # what was prepared here is none of theirs or ours
        works = (partial(ours, data, read), partial(theirs, found))
        runs = [[seconds(work) for work in works] for _ in range(ROUNDS)]
        rows = {count for run in runs for _, count in run}
        assert len(rows) == 1, "both must read the same rows"
        mine, other = (statistics.median(run[i][0] for run in runs) for i in (0, 1))
        report = {
            "rows": kind,
            "per_s": round(rows.pop() / mine),
            "ratio": round(other / mine, 2),
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
