"""Facts that a server's bytes establish.

One event for each untagged response, in the order of the wire, plus `CapabilitiesReceived` and
`AlertReceived` for every CAPABILITY and ALERT code wherever it stands. Events are frozen
and never subclassed; `FetchReceived`, which comes by the thousand, is a tuple, because that is the
cheapest to build. Text is decoded here, once; `bytes` are what the server sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sage_imap.protocol.sets import UIDSet

__all__ = [
    "NEED_DATA",
    "ACLReceived",
    "AlertReceived",
    "ByeReceived",
    "CapabilitiesReceived",
    "CommandCompleted",
    "ConnectionEnded",
    "ContinuationRequested",
    "ESearchReceived",
    "Event",
    "ExistsReceived",
    "ExpungeReceived",
    "ExtensionsEnabled",
    "FetchReceived",
    "FlagsReceived",
    "GreetingReceived",
    "Handle",
    "IDReceived",
    "ListReceived",
    "ListRightsReceived",
    "MetadataReceived",
    "MyRightsReceived",
    "NamespaceReceived",
    "NeedData",
    "ParseFailure",
    "QuotaReceived",
    "QuotaRootReceived",
    "RecentReceived",
    "ResponseCode",
    "SearchReceived",
    "SortReceived",
    "Status",
    "StatusReceived",
    "ThreadReceived",
    "UntaggedStatus",
    "VanishedReceived",
]


class NeedData(Enum):
    """What `Connection.next_event` returns where only more bytes can tell."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA


class Status(Enum):
    """The condition of a status response (RFC 9051 section 7.1)."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    PREAUTH = "PREAUTH"
    BYE = "BYE"


@dataclass(frozen=True, slots=True)
class Handle:
    """Ties a command that was sent to its later events; ``tag`` is the wire's name of it."""

    tag: str
    name: str


@dataclass(frozen=True, slots=True)
class ResponseCode:
    """What stands in brackets before the text of a status response.

    ``name`` is in upper case. ``args``: numbers as `int`, UID sets as `UIDSet`, a parenthesised
    list as one tuple, everything else as `str`. ``copied`` is what COPYUID pairs, in the order of
    the wire, which a set does not keep: runs of (source UID, new UID, count); it is empty where
    the two sets are not of one size.
    """

    name: str
    args: tuple[object, ...] = ()
    copied: tuple[tuple[int, int, int], ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class GreetingReceived:
    """The first response of a connection: ``status`` is OK, PREAUTH or BYE."""

    status: Status
    code: ResponseCode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class CommandCompleted:
    """The tagged response: the command that ``handle`` names is over."""

    handle: Handle
    status: Status
    code: ResponseCode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ContinuationRequested:
    """``+``: the server waits for more of the command in flight.

    Those that ask for a literal are answered by the connection itself, and reported all the same.
    """

    text: str = ""


@dataclass(frozen=True, slots=True)
class UntaggedStatus:
    """``* OK``, ``* NO`` or ``* BAD``."""

    status: Status
    code: ResponseCode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ByeReceived:
    """The server will close the connection."""

    code: ResponseCode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """The peer closed the stream. ``clean``: no response was cut off and no command was open."""

    clean: bool


@dataclass(frozen=True, slots=True)
class AlertReceived:
    """Text that the server wants a human to see (RFC 9051 section 7.1, ALERT)."""

    text: str


@dataclass(frozen=True, slots=True)
class CapabilitiesReceived:
    """The capabilities in force from now on, in upper case and in the server's order."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExtensionsEnabled:
    """What an ENABLE switched on, in upper case."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExistsReceived:
    """The number of messages in the selected mailbox."""

    count: int


@dataclass(frozen=True, slots=True)
class RecentReceived:
    """The number of messages with the RFC 3501 flag \\Recent."""

    count: int


@dataclass(frozen=True, slots=True)
class ExpungeReceived:
    """The message with the sequence number ``seq`` is gone and those above it moved down."""

    seq: int


@dataclass(frozen=True, slots=True)
class VanishedReceived:
    """UIDs that are gone (RFC 7162 section 3.2.10); ``earlier``: before this SELECT or FETCH."""

    uids: UIDSet
    earlier: bool


@dataclass(frozen=True, slots=True)
class FlagsReceived:
    """The flags that the selected mailbox knows."""

    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListReceived:
    """One mailbox of a LIST, LSUB or XLIST response.

    ``name`` is decoded (``INBOX`` in upper case whatever the server wrote), ``raw_name`` is the
    name as sent, without quotes: send that one back. ``special_use`` is the attribute without
    its backslash in lower case (``archive``), ``old_name`` and ``child_info`` come from RFC 5258
    and RFC 9051 extended data.
    """

    name: str
    raw_name: bytes
    delimiter: str | None
    attributes: tuple[str, ...] = ()
    selectable: bool = True
    special_use: str | None = None
    old_name: str | None = None
    child_info: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StatusReceived:
    """Counters of a mailbox: numbers, but for MAILBOXID (text) and APPENDLIMIT (may be None)."""

    mailbox: str
    items: dict[str, int | str | None]


@dataclass(frozen=True, slots=True)
class SearchReceived:
    """Numbers that a SEARCH found, in the server's order."""

    ids: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class SortReceived:
    """Numbers that a SORT found, in the order asked for."""

    ids: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class ESearchReceived:
    """An extended search result (RFC 4731, RFC 9394, RFC 7377); sets are not expanded."""

    tag: str | None = None
    uid: bool = False
    all: UIDSet | None = None
    min: int | None = None
    max: int | None = None
    count: int | None = None
    modseq: int | None = None
    partial: tuple[str, UIDSet | None] | None = None
    mailbox: str | None = None
    uidvalidity: int | None = None


@dataclass(frozen=True, slots=True)
class ThreadReceived:
    """Threads as the parentheses stand: ``(8 9 (10 11)(12))`` is ``[8, 9, [10, 11], [12]]``."""

    threads: list[object]


class FetchReceived(NamedTuple):
    """Data of one message.

    ``seq`` is None for UIDFETCH (RFC 9586). ``items`` is keyed by the item's name in upper case:
    ``UID``, ``RFC822.SIZE``, ``MODSEQ`` are int, ``FLAGS`` a tuple of str, ``INTERNALDATE`` an
    aware datetime or None, ``ENVELOPE`` an `Envelope` or None, ``BODY`` and ``BODYSTRUCTURE`` a
    `BodyPart` or None, ``BODY[...]`` and its like bytes or None.
    """

    seq: int | None
    items: dict[str, object]


@dataclass(frozen=True, slots=True)
class NamespaceReceived:
    """Namespaces as (prefix, delimiter) pairs; NIL is the empty tuple (RFC 2342)."""

    personal: tuple[tuple[str, str | None], ...] = ()
    other: tuple[tuple[str, str | None], ...] = ()
    shared: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class IDReceived:
    """What the server says of itself (RFC 2971), keys in lower case."""

    fields: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class QuotaReceived:
    """Usage and limit by resource (RFC 9208)."""

    root: str
    resources: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class QuotaRootReceived:
    """The quota roots of a mailbox (RFC 9208)."""

    mailbox: str
    roots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ACLReceived:
    """Rights by identifier (RFC 4314)."""

    mailbox: str
    rights: dict[str, str]


@dataclass(frozen=True, slots=True)
class ListRightsReceived:
    """Rights that may be granted (RFC 4314)."""

    mailbox: str
    identifier: str
    required: str
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MyRightsReceived:
    """The user's own rights (RFC 4314)."""

    mailbox: str
    rights: str


@dataclass(frozen=True, slots=True)
class MetadataReceived:
    """Annotations (RFC 5464): ``entries`` by name, or ``names`` where no values were sent."""

    mailbox: str
    entries: dict[str, str | None] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """One untagged response that could not be understood; it was skipped whole.

    ``reason`` holds no content of the response; ``raw`` is its beginning, at most 1 KiB, and is
    left out of the repr because it may hold mail. ``seq`` and ``uid`` name the message of a FETCH
    row where they could be read with certainty, ``response`` is the name of the response in upper
    case where it has one (``FETCH``, also for UIDFETCH).
    """

    reason: str
    raw: bytes = field(repr=False)
    seq: int | None = None
    uid: int | None = None
    response: str | None = None


Event = (
    GreetingReceived
    | CommandCompleted
    | ContinuationRequested
    | UntaggedStatus
    | ByeReceived
    | ConnectionEnded
    | AlertReceived
    | CapabilitiesReceived
    | ExtensionsEnabled
    | ExistsReceived
    | RecentReceived
    | ExpungeReceived
    | VanishedReceived
    | FlagsReceived
    | ListReceived
    | StatusReceived
    | SearchReceived
    | SortReceived
    | ESearchReceived
    | ThreadReceived
    | FetchReceived
    | NamespaceReceived
    | IDReceived
    | QuotaReceived
    | QuotaRootReceived
    | ACLReceived
    | ListRightsReceived
    | MyRightsReceived
    | MetadataReceived
    | ParseFailure
)
