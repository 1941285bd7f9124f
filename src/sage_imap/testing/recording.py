"""Recording the user's own server as transcript cases, redacted.

The mailbox is only examined, nothing is marked or moved, and bodies are not asked for. Of what was
said while signing in only the greeting is kept. Each command goes out under a tag of its own that
is as long as ``A1``, so that the cases can have that tag and every octet stays in its place.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sage_imap.config import IMAPConfig
from sage_imap.errors import IMAPError, LimitExceeded, RemoteProtocolError
from sage_imap.operations import idling
from sage_imap.operations.connecting import log_out, sign_in
from sage_imap.operations.effects import Effect, Operation, Read, Reply
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Command
from sage_imap.protocol.commands.status import STATUS_NEEDS
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import (
    ESearchReceived,
    Event,
    ExistsReceived,
    SearchReceived,
    Status,
)
from sage_imap.protocol.framing import Framer
from sage_imap.protocol.mailbox_names import decode_utf7, encode_utf7
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from sage_imap.providers import UNKNOWN
from sage_imap.testing.cases import Case
from sage_imap.testing.expectation import observe
from sage_imap.testing.redaction import Redactor
from sage_imap.transports.sockets import SocketTransport

__all__ = ["Recording", "record"]

P = ParamSpec("P")
T = TypeVar("T")

_ITEMS: Final = ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE")
_COUNTERS: Final = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ", "SIZE")
_WHY: Final = "Recorded. The expectation is what the client makes of it: correct what is wrong."
# Seconds; what is left of a response that a read has cut comes at once, or never.
_REST: Final = 2.0
_MOST_OCTETS: Final = 16 * 1024 * 1024  # of one case: an editor should still open the file
_SHORTEST_SECRET: Final = 4
# Labels of host names that stand in words of the protocol and tell nothing.
_COMMON: Final = frozenset({"imap", "imaps", "inbox", "mail", "mailbox"})


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: the cases as the format has them, and how many strings were masked.

    ``failure`` says why nothing was recorded beyond the last case; None where all went well.
    """

    cases: Sequence[dict[str, Any]]
    masked: int
    failure: str | None = None


def record(
    config: IMAPConfig, *, mailbox: str = "INBOX", messages: int = 20, idle: float = 3.0
) -> Recording:
    """Sign in, ask what every client asks, and keep the answers, redacted.

    *messages* is how many of the last messages of *mailbox* are described, *idle* how many seconds
    IDLE is held. Raises the errors of connecting and signing in.
    """
    transport = SocketTransport.connect(
        config.host,
        config.effective_port,
        tls=config.effective_security == "tls",
        context=config.ssl_context,
        timeout=config.timeout,
        connect_timeout=config.connect_timeout,
    )
    try:
        recorder = _Recorder(transport.perform, config)
        recorder.sign_in()
        recorder.converse(mailbox, messages, idle)
    finally:
        transport.close()
    return Recording(recorder.cases, recorder.masked, recorder.failure)


class _Recorder:
    """Drives operations by *perform*, and keeps what the server said meanwhile."""

    def __init__(self, perform: Callable[[Effect], Reply], config: IMAPConfig) -> None:
        self.cases: list[dict[str, Any]] = []
        self.failure: str | None = None
        self._perform = perform
        self._config = config
        self._redactor = Redactor(_own_words(config))
        self._reads: list[bytes] = []
        self._octets = 0
        self._session = Session(Connection(), timeout=config.timeout)
        self._state = ConnectionState.AUTHENTICATED

    @property
    def masked(self) -> int:
        """How many strings were masked so far."""
        return self._redactor.masker.count

    def sign_in(self) -> None:
        """Sign in, and keep the greeting alone."""
        self._drive(sign_in(self._session, self._config))
        said = b"".join(self._reads)
        end = said.find(b"\n") + 1
        self._keep("greeting", None, "greeting", said[:end], tag="A1")

    def converse(self, mailbox: str, messages: int, idle: float) -> None:
        """Ask one thing after the other, as long as the connection lasts."""
        self._ask("capability", commands.capability())
        if self._offers("ID"):
            self._ask("id", extensions.identify({"name": "sage-imap"}))
        if self._offers("NAMESPACE"):
            self._ask("namespace", extensions.namespace())
        self._ask("list", commands.list_mailboxes())
        if self._offers("SPECIAL-USE"):
            self._ask("list-special-use", Command("LIST", (b'(SPECIAL-USE) "" "*"',)))
        self._look(mailbox, messages)
        if self._state is ConnectionState.SELECTED and self._offers("IDLE"):
            self._run("idle", extensions.idle(), _hold_idle, idle)
        self._run("logout", commands.logout(), log_out)

    def _look(self, name: str, messages: int) -> None:
        """Look at the mailbox; by EXAMINE, since SELECT would take ``\\Recent`` from messages."""
        shown = decode_utf7(self._redactor.masker.name(encode_utf7(name)))
        counters = [i for i in _COUNTERS if i not in STATUS_NEEDS or self._offers(STATUS_NEEDS[i])]
        self._ask("status", commands.status(name, counters), commands.status(shown, counters))
        modseqs = self._offers("CONDSTORE")
        answer = self._ask(
            "examine",
            commands.select(name, readonly=True, condstore=modseqs),
            commands.select(shown, readonly=True, condstore=modseqs),
        )
        if answer is None or answer.completed.status is not Status.OK:
            return
        self._state = ConnectionState.SELECTED
        exists = max((event.count for event in answer.of(ExistsReceived)), default=0)
        criteria = f"{max(1, exists - messages + 1)}:*" if exists else "ALL"
        returning = ("ALL",) if self._offers("ESEARCH") else None
        answer = self._ask("search", commands.search((criteria.encode(),), returning=returning))
        uids = UIDSet() if answer is None else _found(answer.events)
        if uids and exists:
            self._ask("fetch", commands.fetch(uids, _ITEMS))

    def _offers(self, capability: str) -> bool:
        return self._session.offers(capability)

    def _ask(self, name: str, command: Command, shown: Command | None = None) -> Answer | None:
        """The answer to *command*, which is recorded as *shown*; None where there was none."""
        return self._run(name, shown or command, Session.attempt, command)

    def _run(
        self,
        name: str,
        shown: Command,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | None:
        """The result of *operation*, which sends one command; None where there was none."""
        if self.failure is not None:
            return None
        tag = f"{string.ascii_uppercase[len(self.cases)]}1"
        capabilities = self._session.connection.capabilities
        connection = Connection(state=self._state, capabilities=capabilities, tag_prefix=tag[0])
        state = "selected" if self._state is ConnectionState.SELECTED else "authenticated"
        then = "close" if shown.name == "LOGOUT" else None
        result: T | None = None
        self._reads.clear()
        self._octets = 0
        try:
            session = Session(connection, timeout=self._config.timeout)
            result = self._drive(operation(session, *args, **kwargs))
            self._read_rest()
        except IMAPError as error:
            if not error.connection_usable:
                self.failure = f"{shown.name} ended in {type(error).__name__}"
                then = None if isinstance(error, RemoteProtocolError) else "close"
        self._keep(name, _text(shown), state, b"".join(self._reads), tag=tag, then=then)
        return result

    def _drive(self, operation: Operation[T]) -> T:
        reply: Reply = None
        try:
            while True:
                effect = operation.send(reply)
                reply = self._perform(effect)
                if isinstance(effect, Read) and isinstance(reply, bytes | memoryview):
                    self._take(bytes(reply))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()

    def _take(self, octets: bytes) -> None:
        self._reads.append(octets)
        self._octets += len(octets)
        if self._octets > _MOST_OCTETS:
            raise LimitExceeded(f"an answer of more than {_MOST_OCTETS} octets")

    def _read_rest(self) -> None:
        """Read until the last response is whole: something may have come behind the completion."""
        framer = Framer()
        for octets in self._reads:
            framer.feed(octets)
        while _is_cut(framer):
            reply = self._perform(Read(_REST))
            if not isinstance(reply, bytes | memoryview):
                return
            framer.feed(reply)
            self._take(bytes(reply))

    def _keep(
        self,
        name: str,
        command: str | None,
        state: str,
        said: bytes,
        *,
        tag: str,
        then: str | None = None,
    ) -> None:
        provider = self._session.provider
        cuts = tuple(cut for cut in accumulate(map(len, self._reads)) if cut < len(said))
        case, expect = observe(
            Case(
                id=f"recorded-{name}",
                state=state,
                data=self._redactor.redact(said, tag=tag.encode()),
                expect={},
                command=command,
                cuts=cuts,
                then=then,
            )
        )
        shown: dict[str, Any] = {
            "id": case.id,
            "area": _AREAS.get(name, "other"),
            "server": "" if provider is UNKNOWN else provider.name,
            "why": _WHY,
            "command": case.command,
            "state": case.state,
            "server_bytes": case.data.decode("latin-1"),
            "cuts": list(case.cuts),
        }
        if case.then is not None:
            shown["then"] = case.then
        self.cases.append(shown | {"expect": expect})


_AREAS: Final = {
    "capability": "capability",
    "fetch": "fetch",
    "greeting": "greeting",
    "idle": "idle",
    "list": "list",
    "list-special-use": "list",
    "namespace": "namespace",
    "search": "search",
    "status": "status",
}


def _hold_idle(session: Session, seconds: float) -> Operation[None]:
    idle = idling.Idle(renew=2 * seconds + 1)
    yield from idling.begin(session, idle)
    yield from idling.wait(session, idle, seconds)
    yield from idling.end(session, idle)


def _text(command: Command) -> str:
    """*command* as the format has it: what is sent, without the tag."""
    pieces = command.render(utf8=False)
    return b"".join(piece for piece in pieces if isinstance(piece, bytes)).decode("ascii")


def _found(events: Iterable[Event]) -> UIDSet:
    found = UIDSet()
    for event in events:
        if isinstance(event, ESearchReceived) and event.all is not None:
            found = found | event.all
        elif isinstance(event, SearchReceived):
            found = found | UIDSet.of(uid for uid in event.ids if uid > 0)
    return found


def _is_cut(framer: Framer) -> bool:
    while framer.next_frame() is not None:
        pass
    return framer.buffered > 0


def _own_words(config: IMAPConfig) -> list[str]:
    """The user's name and domain and the host, whole and in parts."""
    words = {config.username, config.host}
    for text in (config.username, config.host):
        words |= {*re.split(r"[^\w-]+", text), *text.split("@")}
    return [w for w in words if len(w) >= _SHORTEST_SECRET and w.lower() not in _COMMON]
