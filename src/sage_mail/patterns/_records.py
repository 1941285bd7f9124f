"""What the guide's processors keep: their records, and which messages they are through with.

One SQLite file, ``patterns.db`` in the configuration's ``data_dir`` (by default the platform's data
folder of the service), readable by its owner alone. A message is known by account, mailbox,
UIDVALIDITY and UID; a record that is written again for the same message replaces the one before.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import platformdirs

from sage_imap.config import IMAPConfig
from sage_mail.errors import StorageError
from sage_mail.files import make_private_file, make_private_folder
from sage_mail.patterns._connection import connection_of

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage
    from sage_imap.models.message import MessageSet

__all__ = ["Ledger", "Place", "Progress"]

_FILE: Final = "patterns.db"
_WAIT_SECONDS: Final = 10.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, account TEXT NOT NULL, mailbox TEXT, uidvalidity INTEGER, uid INTEGER,
    content TEXT NOT NULL, recorded_at TEXT NOT NULL,
    UNIQUE (kind, account, mailbox, uidvalidity, uid)
);
CREATE TABLE IF NOT EXISTS progress (
    processor TEXT NOT NULL, account TEXT NOT NULL, mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
    state TEXT NOT NULL, digest TEXT, attempts INTEGER NOT NULL, error TEXT, retry_at TEXT,
    PRIMARY KEY (processor, account, mailbox, uidvalidity, uid)
);
"""
_FIRST_PAUSE: Final = timedelta(seconds=4)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_USUAL_PORTS: Final = (None, 143, 993)


class Place(NamedTuple):
    """A message's identity within an account."""

    mailbox: str
    uidvalidity: int
    uid: int

    @classmethod
    def of(cls, message: EmailMessage) -> Place | None:
        """Where the message lies; None where it does not say."""
        if message.uid is None or message.uidvalidity is None or message.mailbox is None:
            return None
        return cls(message.mailbox, message.uidvalidity, message.uid)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a message has come: ``planned``, ``done`` or ``failed`` so many times."""

    state: str
    attempts: int = 0
    retry_at: datetime | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is something left to do, now."""
        if self.state == "done":
            return False
        return self.retry_at is None or self.retry_at <= datetime.now(UTC)


class Ledger:
    """The books of one processor of one account; may be used from any thread.

    All methods raise `StorageError` where the file cannot be used; nothing was written then.
    """

    def __init__(self, processor: str, config: IMAPConfig | Mapping[str, Any]) -> None:
        connection = connection_of(config)
        port = "" if connection.port in _USUAL_PORTS else f":{connection.port}"
        self.processor = processor
        self.account = f"{connection.username}@{connection.host.lower()}{port}"
        folder = None if isinstance(config, IMAPConfig) else config.get("data_dir")
        self.path = Path(folder or platformdirs.user_data_path("sage-mail")) / _FILE

    def record(self, kind: str, place: Place | None, content: Mapping[str, Any]) -> None:
        """Keep the record; without a place it stands for itself."""
        text = json.dumps(content, ensure_ascii=True, default=_plain)
        at = place or (None, None, None)
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO records"
                " (kind, account, mailbox, uidvalidity, uid, content, recorded_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (kind, self.account, *at, text, _now()),
            )

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The records of the kind, in the order in which they were last written."""
        rows = self._rows(
            "SELECT content FROM records WHERE kind = ? AND account = ? ORDER BY id",
            (kind, self.account),
        )
        return [json.loads(row[0]) for row in rows]

    def record_of(self, kind: str, place: Place) -> dict[str, Any] | None:
        """The record of the message."""
        rows = self._rows(
            "SELECT content FROM records WHERE kind = ? AND account = ?"
            " AND mailbox = ? AND uidvalidity = ? AND uid = ?",
            (kind, self.account, *place),
        )
        return json.loads(rows[0][0]) if rows else None

    def progress(self, mailbox: str, uidvalidity: int | None) -> dict[int, Progress]:
        """How far each known message of the mailbox has come, by UID."""
        rows = self._rows(
            "SELECT uid, state, attempts, retry_at FROM progress WHERE processor = ?"
            " AND account = ? AND mailbox = ? AND uidvalidity = ?",
            (self.processor, self.account, mailbox, uidvalidity),
        )
        return {
            uid: Progress(state, attempts, retry_at and datetime.fromisoformat(retry_at))
            for uid, state, attempts, retry_at in rows
        }

    def left(self, found: MessageSet) -> tuple[list[int], list[int], list[int]]:
        """The UIDs of which nothing is done, those that are begun and due, those that are done."""
        known = self.progress(found.mailbox or "", found.uidvalidity)
        fresh = [uid for uid in found.uids if uid not in known]
        begun = [uid for uid in found.uids if uid in known and known[uid].is_due]
        done = [uid for uid in found.uids if uid in known and known[uid].state == "done"]
        return fresh, begun, done

    def was_done_before(self, message: EmailMessage) -> bool:
        """Whether the mailbox had this very message, and it was done, before it was reset.

        A server may give a mailbox a new UIDVALIDITY, and every message in it a new UID.
        """
        place = Place.of(message)
        return place is not None and bool(
            self._rows(
                "SELECT 1 FROM progress WHERE processor = ? AND account = ? AND mailbox = ?"
                " AND uidvalidity <> ? AND digest = ? AND state = 'done' LIMIT 1",
                (self.processor, self.account, place.mailbox, place.uidvalidity, _digest(message)),
            )
        )

    def planned(self, message: EmailMessage) -> None:
        """Its record is kept; what follows from it is to be done."""
        self._note(message, "planned")

    def done(self, message: EmailMessage) -> None:
        """There is nothing left to do for it."""
        self._note(message, "done")

    def settled(self, place: Place) -> None:
        """The message, which is not at hand, has been done."""
        self._put(place, "done", None, 0, None, None)

    def failed(self, place: Place, error: str) -> None:
        """It did not work this time; it is due again after a pause, which grows to an hour."""
        known = self.progress(place.mailbox, place.uidvalidity).get(place.uid)
        attempts = (known.attempts if known else 0) + 1
        pause = min(_FIRST_PAUSE * 4 ** min(attempts - 1, 8), _LONGEST_PAUSE)
        state = "planned" if known and known.state == "planned" else "failed"
        retry_at = (datetime.now(UTC) + pause).isoformat()
        self._put(place, state, None, attempts, error, retry_at)

    def _note(self, message: EmailMessage, state: str) -> None:
        place = Place.of(message)
        if place is not None:
            self._put(place, state, _digest(message), 0, None, None)

    def _put(self, place: Place, state: str, *values: object) -> None:
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO progress (processor, account, mailbox, uidvalidity, uid, state,"
                " digest, attempts, error, retry_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET state = excluded.state,"
                " digest = coalesce(excluded.digest, digest), attempts = excluded.attempts,"
                " error = excluded.error, retry_at = excluded.retry_at",
                (self.processor, self.account, *place, state, *values),
            )

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._transaction() as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(_opened(self.path)) as connection, connection:
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{self.path} cannot be used: {type(error).__name__}") from error


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        make_private_folder(path.parent)
        make_private_file(path)
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _digest(message: EmailMessage) -> str:
    return hashlib.sha256(message.raw).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat()


_WRITTEN: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (datetime, datetime.isoformat),
    (bytes, lambda octets: b64encode(octets).decode()),
    (set, sorted),
    (frozenset, sorted),
)


def _plain(value: object) -> object:
    """What an override may have put into a record and JSON does not know."""
    for kind, write in _WRITTEN:
        if isinstance(value, kind):
            return write(value)
    return str(value)
