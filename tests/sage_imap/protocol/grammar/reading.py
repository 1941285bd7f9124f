"""Decoding one response in a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sage_imap.protocol.events import Event, FetchReceived, Handle
from sage_imap.protocol.framing import Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.limits import Limits
from sage_imap.protocol.quirks import Quirks

LIMITS = Limits()


def read(
    data: bytes,
    *,
    quirks: Quirks | None = None,
    limits: Limits = LIMITS,
    utf8: bool = False,
    greeting: bool = False,
    handles: Mapping[bytes, Handle] | None = None,
) -> list[Event]:
    """The events of the one response *data*, which has no line end."""
    quirks = quirks or Quirks()
    framer = Framer(limits, quirks)
    framer.feed(data + b"\r\n")
    frame = framer.next_frame()
    assert frame is not None
    assert frame.data == data
    context = DecodeContext(limits, quirks, utf8, handles or {}, greeting)
    return decode(frame, context)


def read_one(data: bytes, *, off: Iterable[str] = (), utf8: bool = False) -> Event:
    """The only event of *data*."""
    (event,) = read(data, quirks=Quirks(off=off), utf8=utf8)
    return event


def read_item(name: str, value: bytes) -> object:
    """The value of the item *name* in a FETCH row that holds nothing else."""
    event = read_one(b"* 1 FETCH (%s %s)" % (name.encode(), value))
    assert isinstance(event, FetchReceived), event
    return event.items[name]
