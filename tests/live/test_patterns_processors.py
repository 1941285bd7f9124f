"""The guide's processors on a Dovecot, their outcome looked at by another client."""

from __future__ import annotations

import imaplib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sage_imap.models.email import EmailMessage
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail.errors import StorageError
from sage_mail.patterns import (
    AIEmailClassifier,
    IntelligentEmailProcessor,
    ModernEmailProcessor,
)
from tests.live.system import mail, without_keywords
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]

Config = dict[str, Any]

_HOSTILE = {
    "broken MIME": b'Content-Type: multipart/mixed; boundary="b\r\nMIME-Version: x\r\n\r\n--b\r\n',
    "empty": b"\r\n",
    "huge header": b"X-A: " + b"a" * 300_000 + b"\r\nSubject: big\r\n\r\nHello\r\n",
    "many headers": b"".join(b"X-%d: y\r\n" % n for n in range(5_000)) + b"\r\nHello\r\n",
    "no text": b"Content-Type: text/plain; charset=nothing\r\n\r\n\xff\xfe\x80 help \xf0\r\n",
}
_ATTACHED = (
    b"From: Bob <bob@example.org>\r\nSubject: Look\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n"
    b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-\r\n"
    b"--b\r\nContent-Type: image/png; name=a.png\r\n\r\nPNG\r\n"
    b"--b\r\nContent-Type: application/zip; name=a.zip\r\n\r\nPK\r\n--b--\r\n"
)
_URGENT = mail(1, subject="urgent", body="Answer by March 3, the deadline")
_SALES = mail(2, subject="Order #4711", body="You purchase the product for $5.00")
_SUPPORT = mail(3, subject="Ticket #A17", body="I need help\n\nwith this")
_GENERAL = mail(4, subject="Lunch", body="Are you there tomorrow?")


class Other:
    """Another client: the standard library's."""

    def __init__(self, port: int, user: str) -> None:
        self.imap = imaplib.IMAP4("127.0.0.1", port)
        self.imap.login(user, PASSWORD)

    def close(self) -> None:
        self.imap.logout()

    def deliver(self, *mails: bytes) -> None:
        for each in mails:
            assert self.imap.append("INBOX", "", None, each)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        """The flags of each message, in order; empty where there is no such folder."""
        if self.imap.select(f'"{folder}"', readonly=True)[0] != "OK":
            return []
        _, rows = self.imap.fetch("1:*", "(FLAGS)")
        return [set(_flags_in(row)) for row in rows if isinstance(row, bytes)]

    def subjects(self, folder: str = "INBOX") -> list[str]:
        if self.imap.select(f'"{folder}"', readonly=True)[0] != "OK":
            return []
        _, rows = self.imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [
            row[1].decode().removeprefix("Subject:").strip()
            for row in rows
            if isinstance(row, tuple)
        ]

    def unsee(self) -> None:
        self.imap.select("INBOX")
        self.imap.store("1:*", "-FLAGS", "(\\Seen)")


def _flags_in(row: bytes) -> list[str]:
    found = re.search(rb"FLAGS \(([^)]*)\)", row)
    return found[1].decode().split() if found else []


@pytest.fixture
def config(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> Config:
    """The guide's configuration, with a folder for what is kept."""
    return _config(dovecot, dovecot_user, tmp_path)


def _config(server: Dovecot, user: str, folder: Path) -> Config:
    return {
        "host": server.host,
        "username": user,
        "password": PASSWORD,
        "use_ssl": False,
        "port": server.port,
        "data_dir": str(folder),
    }


@pytest.fixture
def other(dovecot: Dovecot, dovecot_user: str) -> Iterator[Other]:
    """Another client of the same mailbox."""
    with closing(Other(dovecot.port, dovecot_user)) as client:
        yield client


def test_incoming_mail_is_handled_by_its_kind(config: Config, other: Other) -> None:
    """Tickets, orders, attachments and analyses are kept; all is read; nothing is done twice."""
    other.deliver(_SUPPORT, _SALES, _ATTACHED, _GENERAL, *_HOSTILE.values())
    processor = ModernEmailProcessor(config)
    assert processor.process_new_emails().success
    assert (processor.processed_count, processor.error_count) == (9, 0)
    assert all("\\Seen" in flags for flags in other.flags())
    tickets = processor.records("ticket")
    assert [ticket["subject"] for ticket in tickets] == ["Ticket #A17", ""]
    assert tickets[0]["sender"] == "ann@example.org"
    assert tickets[0]["priority"] in {"high", "medium", "low"}
    (order,) = processor.records("order")
    assert (order["order_number"], order["total_amount"]) == ("4711", "5.00 USD")
    (attached,) = processor.records("attachments")
    assert [each["filename"] for each in attached["attachments"]] == ["a.pdf", "a.png", "a.zip"]
    analyses = processor.records("analysis")
    assert len(analyses) == 5
    assert analyses[0]["language"] == "en"
    other.unsee()
    again = ModernEmailProcessor(config)
    assert again.process_new_emails().asked is not None
    assert (again.processed_count, len(again.records("ticket"))) == (0, 2)
    assert all("\\Seen" in flags for flags in other.flags())


def test_a_handler_that_fails_costs_its_message_only(config: Config, other: Other) -> None:
    """What fails stays unread, is told and counted, and waits before it is tried again."""

    class Processor(ModernEmailProcessor):
        def process_order(self, order_data: Mapping[str, Any]) -> None:
            raise ValueError("no such order")

    other.deliver(_SALES, _GENERAL)
    processor = Processor(config)
    result = processor.process_new_emails()
    assert [type(failure.error) for failure in result.failures] == [ValueError]
    assert (processor.processed_count, processor.error_count) == (1, 1)
    assert ["\\Seen" in flags for flags in other.flags()] == [False, True]
    assert processor.process_new_emails().success
    assert (processor.processed_count, processor.error_count) == (1, 1)


def test_processing_goes_on_until_it_is_stopped(config: Config, other: Other) -> None:
    """The guide's endless loop ends when it is told to, after the messages at hand."""

    class Processor(ModernEmailProcessor):
        def handle_general_email(self, message: EmailMessage) -> None:
            super().handle_general_email(message)
            self.stop_processing()

    other.deliver(_GENERAL)
    processor = Processor(config)
    processor.process_incoming_emails()
    assert processor.processed_count == 1


def test_over_tls_with_the_certificate_checked(
    dovecot: Dovecot,
    dovecot_user: str,
    config: Config,
    other: Other,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The guide's mapping with ``use_ssl`` is enough where the authority is known."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.ca_file))
    other.deliver(_GENERAL)
    secure = {**config, "host": "localhost", "use_ssl": True, "port": dovecot.tls_port}
    processor = ModernEmailProcessor(secure)
    processor.process_new_emails()
    assert processor.processed_count == 1


def test_records_that_cannot_be_kept_fail_their_message(
    config: Config, other: Other, tmp_path: Path
) -> None:
    """Where nothing can be written nothing counts as processed."""
    taken = tmp_path / "taken"
    taken.write_text("no folder")
    other.deliver(_GENERAL)
    with pytest.raises(StorageError, match="cannot be used"):
        ModernEmailProcessor({**config, "data_dir": str(taken)}).process_new_emails()
    assert other.flags() == [{"\\Recent"}] or "\\Seen" not in other.flags()[0]


def test_messages_are_classified(config: Config, other: Other) -> None:
    """By the rules, with a result of the guide's keys, whatever the message is."""
    other.deliver(_URGENT, _SALES, _SUPPORT, _GENERAL, *_HOSTILE.values())
    classifier = AIEmailClassifier(config)
    with IMAPClient(config) as client:
        service = IMAPMailboxUIDService(client)
        service.select("INBOX")
        found: list[dict[str, Any]] = []
        service.process_messages_in_batches(
            service.create_message_set_from_search(),
            lambda message: found.append(classifier.classify_email(message)),
            mark_seen=False,
        )
    assert [each["category"] for each in found[:4]] == ["urgent", "sales", "support", "general"]
    assert {each["confidence"] for each in found} == {0.8}
    assert len(found) == 9


def test_mail_is_filed_marked_and_recorded_once(config: Config, other: Other) -> None:
    """Each message is in its folder with the keyword, and a second run changes nothing."""
    other.deliver(_URGENT, _SALES, _SUPPORT, _GENERAL, *_HOSTILE.values())
    processor = IntelligentEmailProcessor(config)
    result = processor.process_emails_intelligently()
    assert (result.successful_messages, result.failed_messages) == (9, 0)
    placed = {folder: other.subjects(f"INBOX/{folder}") for folder in ("Urgent", "Sales")}
    assert placed == {"Urgent": ["urgent"], "Sales": ["Order #4711"]}
    assert other.subjects("INBOX/Support")[0] == "Ticket #A17"
    folders = ("INBOX", "INBOX/Urgent", "INBOX/Sales", "INBOX/Support")
    flags = [flags for folder in folders for flags in other.flags(folder)]
    assert len(flags) == 9
    assert all("$SageProcessed" in each and "\\Seen" not in each for each in flags)
    records = processor.records()
    assert len(records) == 9
    by_subject = {record["subject"]: record for record in records}
    assert by_subject["Ticket #A17"]["extracted_info"]["ticket_id"] == "A17"
    assert by_subject["Order #4711"]["extracted_info"]["amounts"] == ["$5.00"]
    assert by_subject["urgent"]["extracted_info"]["deadline"]
    again = IntelligentEmailProcessor(config)
    assert again.process_emails_intelligently().successful_messages == 0
    assert len(again.records()) == 9
    assert [len(other.flags(folder)) for folder in folders] == [5, 1, 1, 2]


def test_a_stage_that_fails_is_recorded(config: Config, other: Other) -> None:
    """The error stands in the record under the stage's name, and the rest goes on."""
    other.deliver(_SUPPORT, _SALES)
    processor = IntelligentEmailProcessor(config)

    def broken(message: EmailMessage) -> dict[str, Any]:
        raise LookupError(message.subject)

    processor.content_extractors["support"] = broken
    assert processor.process_emails_intelligently().success
    records = {record["subject"]: record for record in processor.records()}
    assert records["Ticket #A17"]["errors"] == {"extraction": "LookupError"}
    assert "errors" not in records["Order #4711"]
    assert other.subjects("INBOX/Support") == ["Ticket #A17"]


def test_a_move_that_is_refused_is_tried_again(config: Config, other: Other) -> None:
    """The message stays in the inbox and the run goes on; its record is not made anew."""

    class Refused(IntelligentEmailProcessor):
        folder_mapping: ClassVar[Mapping[str, str]] = {"support": "INBOX/" + "x" * 300}

    other.deliver(_SUPPORT, _SALES)
    processor = Refused(config)
    result = processor.process_emails_intelligently()
    assert (result.successful_messages, result.failed_messages) == (1, 1)
    assert sorted(other.subjects()) == ["Order #4711", "Ticket #A17"]
    (before,) = [r for r in processor.records() if r["subject"] == "Ticket #A17"]
    _let_time_pass(processor)
    again = IntelligentEmailProcessor(config)
    assert again.process_emails_intelligently().successful_messages == 1
    assert other.subjects("INBOX/Support") == ["Ticket #A17"]
    assert [r for r in again.records() if r["subject"] == "Ticket #A17"] == [before]


def _let_time_pass(processor: IntelligentEmailProcessor) -> None:
    with processor._ledger._transaction() as connection:
        connection.execute("UPDATE progress SET retry_at = NULL")


_RUN = """
import json, sys
from sage_mail.patterns import IntelligentEmailProcessor
IntelligentEmailProcessor(json.loads(sys.argv[1])).process_emails_intelligently()
"""


@pytest.mark.parametrize(
    "point", ["after-record", "after-record:2", "after-mark", "after-mark:3", "after-move:2"]
)
def test_killed_in_the_middle(config: Config, other: Other, point: str) -> None:
    """SIGKILL between record, mark and move: the next run ends it, nothing is lost or doubled."""
    other.deliver(_URGENT, _SALES, _SUPPORT, _GENERAL)
    environment = {**os.environ, "SAGE_MAIL_CRASH_AT": point}
    arguments = [sys.executable, "-c", _RUN, json.dumps(config)]
    killed = subprocess.run(arguments, env=environment, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    other.imap.select("INBOX")
    other.imap.store("1:*", "+FLAGS", "(\\Seen)")  # somebody reads it meanwhile
    other.imap.uid("STORE", "4", "-FLAGS", "(\\Seen)")
    other.unsee() if point.startswith("after-record:") else None
    _finish_all(config, other)
    processor = IntelligentEmailProcessor(config)
    assert sorted(record["subject"] for record in processor.records()) == [
        *("Lunch", "Order #4711", "Ticket #A17", "urgent"),
    ]
    assert other.subjects() == ["Lunch"]
    for folder, subject in (("Urgent", "urgent"), ("Sales", "Order #4711")):
        assert other.subjects(f"INBOX/{folder}") == [subject]
    assert other.subjects("INBOX/Support") == ["Ticket #A17"]
    assert {progress.state for progress in _progress(processor)} == {"done"}


def _finish_all(config: Config, other: Other) -> None:
    """Run once with what is read as it is, then once with all unread."""
    assert IntelligentEmailProcessor(config).process_emails_intelligently().success
    other.unsee()
    assert IntelligentEmailProcessor(config).process_emails_intelligently().success


def _progress(processor: IntelligentEmailProcessor) -> list[Any]:
    rows = processor._ledger._rows("SELECT uidvalidity FROM progress LIMIT 1", ())
    return list(processor._ledger.progress("INBOX", rows[0][0]).values())


def test_where_keywords_are_not_permitted(tmp_path: Path) -> None:
    """Two accounts of a server that keeps no keywords: each message is processed once."""
    with without_keywords() as server:
        for user in ("ada", "bob"):
            with closing(Other(server.port, user)) as other:
                other.deliver(_SUPPORT, _GENERAL)
                other.imap.select("INBOX")
                (permanent,) = other.imap.response("PERMANENTFLAGS")[1]
                assert b"\\*" not in permanent
                config = _config(server, user, tmp_path)
                assert IntelligentEmailProcessor(config).process_emails_intelligently().success
                again = IntelligentEmailProcessor(config)
                assert again.process_emails_intelligently().successful_messages == 0
                assert len(again.records()) == 2
                assert other.subjects() == ["Lunch"]
                assert other.subjects("INBOX/Support") == ["Ticket #A17"]
                assert "$SageProcessed" not in other.flags()[0]
