"""The guide's `RealTimeEmailMonitor`: new and deleted mail of an inbox, told as it happens."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from sage_imap.config import IMAPConfig
from sage_imap.errors import CapabilityMissing, IMAPError
from sage_imap.helpers.enums import MessagePart
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow
from sage_imap.protocol.events import FetchReceived
from sage_imap.protocol.sets import UIDSet
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail.patterns._connection import connection_of
from sage_mail.patterns.listeners import Callback, Event, Listeners, put_bounded
from sage_mail.telemetry import get_logger
from sage_mail.watchers.backoff import Backoff

__all__ = ["RealTimeEmailMonitor"]

_log = get_logger(__name__)

_MAILBOX: Final = "INBOX"
_MOST_QUEUED: Final = 10_000
# IDLE is left and the inbox compared as a whole this often, whatever the server has told.
_CYCLE_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 10.0
# How long a wish to stop may go unheard; news end the wait at once.
_SLICE_SECONDS: Final = 0.25
_PATIENCE_TO_STOP: Final = 0.6
_LAST_PATIENCE: Final = 0.3


class Notifier(Protocol):
    """What `RealTimeEmailMonitor.websocket_server` has to be able to do."""

    def send_notification(self, event: Event) -> object:
        """Pass the event on."""


class RealTimeEmailMonitor:
    """Watches the inbox in a thread of its own; ``config`` is an `IMAPConfig` or its mapping.

    An event is a dictionary: ``type`` (``new_message`` or ``message_deleted``), ``uid``,
    ``timestamp`` (seconds since 1970), and for new mail ``subject``, ``sender``,
    ``has_attachments`` and ``size``. It goes to each callback in a thread of the callback's own, to
    ``event_queue`` (of which the oldest of ten thousand give way) and, where one is set, to
    ``websocket_server``.

    After each connection and each IDLE the whole inbox is compared, so nothing that happens
    in between is missed; mail that comes while the connection is down is told when it is back. Only
    where the server gives the inbox a new UIDVALIDITY is what there is taken for known. No mail is
    marked as read.
    """

    def __init__(self, config: IMAPConfig | Mapping[str, Any]) -> None:
        self.config = config
        self.is_monitoring = False
        self.event_queue: queue.Queue[Event] = queue.Queue(_MOST_QUEUED)
        self.callbacks: list[Callback] = []
        self.websocket_server: Notifier | None = None
        self.monitor_thread: threading.Thread | None = None
        self._listeners = Listeners()
        self._notify: Callback = self.send_websocket_notification
        self._stop = threading.Event()
        self._client: IMAPClient | None = None
        self._known: UIDSet | None = None
        self._uidvalidity: int | None = None
        self._told: set[int] = set()

    def add_callback(self, callback: Callback) -> None:
        """Let the callback be called with each event from now on."""
        self.callbacks.append(callback)

    def start_idle_monitoring(self) -> None:
        """Begin to watch, in the background; what is in the inbox now is not announced.

        A connection that cannot be made or is lost is made anew, with growing pauses.

        Raises:
            ConfigurationError: ``config`` cannot be used.
            RuntimeError: the inbox is watched already.
        """
        config = connection_of(self.config)
        if self.is_monitoring:
            raise RuntimeError("the inbox is watched already; stop_monitoring() comes first")
        self._known = None
        self._stop = threading.Event()
        self.is_monitoring = True
        self.monitor_thread = threading.Thread(
            target=self._run, args=(config, self._stop), name="sage-mail monitor", daemon=True
        )
        self.monitor_thread.start()

    def stop_monitoring(self) -> None:
        """End watching; returns within a second, also where the server does not answer."""
        self.is_monitoring = False
        self._stop.set()
        thread = self.monitor_thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE_TO_STOP)
            client = self._client
            if thread.is_alive() and client is not None:
                client.close()
                thread.join(_LAST_PATIENCE)
        self._listeners.end()

    def handle_new_messages(
        self, uid_service: IMAPMailboxUIDService, new_uids: Iterable[int]
    ) -> None:
        """Fetch the messages and tell an event for each.

        Raises the errors of a connection that is lost; what has not been told is told later.
        """
        wanted = MessageSet.from_uids(new_uids, mailbox=_MAILBOX)
        if not wanted:
            return
        for row in uid_service.iter_fetch(wanted, [MessagePart.RFC822]):
            uid = row.uid
            if uid is None or uid not in wanted.uids:
                continue
            if isinstance(row, FetchRow) and row.sections.get("") is not None:
                event = _new_event(row)
            else:
                # It is there, and somebody has to look at it, though we cannot say more of it.
                _log.warning("message_unreadable", uid=uid)
                event = _event(uid)
            self._told.add(uid)
            self._tell(event)

    def handle_deleted_messages(self, deleted_uids: Iterable[int]) -> None:
        """Tell an event for each message that is gone."""
        for uid in deleted_uids:
            self._tell({"type": "message_deleted", "uid": uid, "timestamp": time.time()})

    def send_websocket_notification(self, event: Event) -> None:
        """Pass the event on to ``websocket_server``, if there is one."""
        if self.websocket_server is not None:
            self.websocket_server.send_notification(event)

    def _tell(self, event: Event) -> None:
        for callback in tuple(self.callbacks):
            self._listeners.call(callback, event)
        if self.websocket_server is not None:
            self._listeners.call(self._notify, event)
        if put_bounded(self.event_queue, event.copy()):
            _log.warning("event_queue_full", dropped=1, waiting=_MOST_QUEUED)

    def _run(self, config: IMAPConfig, stop: threading.Event) -> None:
        backoff = Backoff()
        while self._wanted(stop):
            client = IMAPClient(config)
            self._client = client
            try:
                with client:
                    self._watch(client, stop, backoff)
            except (IMAPError, OSError) as error:
                if not self._wanted(stop):
                    return
                pause = backoff.failed(at_least=getattr(error, "retry_after", None) or 0.0)
                _log.warning("monitor_lost", error=type(error).__name__, retry_in=round(pause, 1))
                stop.wait(pause)

    def _wanted(self, stop: threading.Event) -> bool:
        return self.is_monitoring and not stop.is_set()

    def _watch(self, client: IMAPClient, stop: threading.Event, backoff: Backoff) -> None:
        service = IMAPMailboxUIDService(client)
        if self._wanted(stop):
            service.select(_MAILBOX)
        while self._wanted(stop):
            self._resync(service)
            backoff.succeeded()
            try:
                self._idle(client, stop)
            except CapabilityMissing:
                stop.wait(_POLL_SECONDS)

    def _idle(self, client: IMAPClient, stop: threading.Event) -> None:
        """Wait in IDLE until messages have come or gone, or it is time to look anyway."""
        until = time.monotonic() + _CYCLE_SECONDS
        with client.idle(renew=_CYCLE_SECONDS) as idle:
            while self._wanted(stop) and time.monotonic() < until:
                news = idle.wait(_SLICE_SECONDS)
                if any(not isinstance(event, FetchReceived) for event in news):
                    return

    def _resync(self, service: IMAPMailboxUIDService) -> None:
        """Compare the inbox with what is known, and tell the difference."""
        found = service.create_message_set_from_search("ALL")
        if self._known is not None and found.uidvalidity != self._uidvalidity:
            _log.warning("mailbox_reset", mailbox=_MAILBOX)
            self._known = None
        if self._known is None:
            self._known, self._uidvalidity = found.uids, found.uidvalidity
            self._told.clear()
            return
        known = self._known | UIDSet.of(self._told)
        if new := found.uids - known:
            self.handle_new_messages(service, list(new))
        if gone := known - found.uids:
            self.handle_deleted_messages(list(gone))
        self._known = found.uids
        self._told.clear()


def _new_event(row: FetchRow) -> Event:
    message = row.message()
    return _event(
        row.uid,
        subject=message.subject,
        sender=str(message.from_address or ""),
        has_attachments=message.has_attachments(),
        size=message.size,
    )


def _event(
    uid: int,
    *,
    subject: str = "",
    sender: str = "",
    has_attachments: bool = False,
    size: int = 0,
) -> Event:
    return {
        "type": "new_message",
        "uid": uid,
        "subject": subject,
        "sender": sender,
        "timestamp": time.time(),
        "has_attachments": has_attachments,
        "size": size,
    }
