"""The books of the guide's processors."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_mail.errors import StorageError
from sage_mail.patterns._records import Ledger, Place


def _ledger(folder: Path, **changes: object) -> Ledger:
    config = {"host": "IMAP.example.org", "username": "ada", "password": "p", "data_dir": folder}
    return Ledger("test", {**config, **changes})


def _message(uid: int, uidvalidity: int = 7, raw: bytes = b"\r\nHello\r\n") -> EmailMessage:
    return EmailMessage.from_bytes(raw, uid=uid, mailbox="INBOX", uidvalidity=uidvalidity)


def test_a_record_is_kept_once_for_its_message(tmp_path: Path) -> None:
    """A second one replaces the first; without a place each stands for itself."""
    ledger = _ledger(tmp_path)
    place = Place("INBOX", 7, 1)
    ledger.record("ticket", place, {"n": 1})
    ledger.record("ticket", place, {"n": 2, "at": datetime(2026, 1, 5, tzinfo=UTC)})
    ledger.record("ticket", None, {"n": 3, "tags": {"b", "a"}, "what": Path("x")})
    ledger.record("ticket", None, {"n": 3})
    ledger.record("order", place, {"n": 4})
    assert ledger.records("ticket") == [
        {"n": 2, "at": "2026-01-05T00:00:00+00:00"},
        {"n": 3, "tags": ["a", "b"], "what": "x"},
        {"n": 3},
    ]
    assert ledger.record_of("order", place) == {"n": 4}
    assert ledger.record_of("order", Place("INBOX", 8, 1)) is None


def test_text_that_no_encoding_has_is_kept(tmp_path: Path) -> None:
    """NUL and lone surrogates come back as they were."""
    ledger = _ledger(tmp_path)
    ledger.record("ticket", None, {"text": "a\x00\ud800"})
    assert ledger.records("ticket") == [{"text": "a\x00\ud800"}]


def test_progress_is_by_identity(tmp_path: Path) -> None:
    """Other accounts, processors and UIDVALIDITYs have books of their own."""
    ledger = _ledger(tmp_path)
    ledger.planned(_message(1))
    ledger.done(_message(2))
    ledger.failed(Place("INBOX", 7, 3), "ValueError")
    found = MessageSet([1, 2, 3, 4], "INBOX", 7)
    assert ledger.left(found) == ([4], [1], [2])
    assert ledger.left(MessageSet([2], "INBOX", 8)) == ([2], [], [])
    assert _ledger(tmp_path, username="bob").left(found)[0] == [1, 2, 3, 4]
    assert _ledger(tmp_path, port=1143).left(found)[0] == [1, 2, 3, 4]
    assert _ledger(tmp_path, port=993).left(found)[0] == [4]


def test_pauses_grow_and_a_plan_stays_one(tmp_path: Path) -> None:
    """Each failure is followed by a longer pause, of an hour at most."""
    ledger = _ledger(tmp_path)
    place = Place("INBOX", 7, 1)
    ledger.planned(_message(1))
    pauses = []
    for attempt in range(1, 12):
        ledger.failed(place, "OSError")
        progress = ledger.progress("INBOX", 7)[1]
        assert (progress.state, progress.attempts, progress.is_due) == ("planned", attempt, False)
        assert progress.retry_at is not None
        pauses.append(round((progress.retry_at - datetime.now(UTC)).total_seconds()))
    assert pauses[:3] == [4, 16, 64]
    assert pauses[-1] == 3600
    ledger.settled(place)
    assert ledger.progress("INBOX", 7)[1].state == "done"


def test_a_reset_mailbox_is_known_by_its_octets(tmp_path: Path) -> None:
    """Under a new UIDVALIDITY what was done is recognised, an equal newcomer before it is not."""
    ledger = _ledger(tmp_path)
    ledger.done(_message(1))
    ledger.planned(_message(2, raw=b"\r\nOther\r\n"))
    assert ledger.was_done_before(_message(9, uidvalidity=8))
    assert not ledger.was_done_before(_message(9))
    assert not ledger.was_done_before(_message(9, uidvalidity=8, raw=b"\r\nOther\r\n"))
    assert not ledger.was_done_before(EmailMessage.from_bytes(b"\r\nHello\r\n"))


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """Folder and file are closed to others."""
    ledger = _ledger(tmp_path / "new")
    ledger.record("ticket", None, {})
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """The error names the file."""
    ledger = _ledger(tmp_path)
    ledger.path.write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match=r"patterns\.db cannot be used"):
        ledger.record("ticket", None, {})


def test_a_configuration_without_a_folder() -> None:
    """The platform's folder is taken; nothing is written by asking."""
    ledger = Ledger("test", IMAPConfig(host="h", username="u", password="p"))
    assert ledger.path.name == "patterns.db"
    assert ledger.account == "u@h"
