"""The guide's blocks run as printed against a real server; another client looks at the outcome.

Supplied are missing imports and the methods that the guide leaves to its reader, and no more.
"""

from __future__ import annotations

import imaplib
import json
import logging
import queue
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sage_imap.helpers.enums import MessagePart
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from tests.guide.blocks import block, needs_guide, stand_ins
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot, needs_guide]

Namespace = dict[str, Any]


class Stopped(BaseException):
    """Ends a loop of the guide's that has no end, at the point where it would sleep."""


class Clock:
    """`time`, but for its `sleep`."""

    time = staticmethod(time.time)

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep


def run(*names: str, **more: Any) -> Namespace:
    """The namespace after the blocks that define the classes *names* have run."""
    namespace: Namespace = {
        "IMAPClient": IMAPClient,
        "IMAPMailboxUIDService": IMAPMailboxUIDService,
        "IMAPSearchCriteria": IMAPSearchCriteria,
        "MessagePart": MessagePart,
        "MessageSet": MessageSet,
        "datetime": datetime,
        "json": json,
        "logger": logging.getLogger("guide"),
        "re": re,
        "time": time,
    }
    with stand_ins():
        for name in names:
            exec(compile(block(name), f"<guide: {name}>", "exec"), namespace)
    namespace.update(more)
    return namespace


class Other:
    """Another client: the standard library's."""

    def __init__(self, port: int, user: str) -> None:
        self.imap = imaplib.IMAP4("127.0.0.1", port)
        self.imap.login(user, PASSWORD)

    def deliver(self, *mails: bytes, date: str | None = None, flags: str = "") -> None:
        """Put mails into INBOX."""
        for mail in mails:
            status, _ = self.imap.append("INBOX", flags, date, mail)
            assert status == "OK"

    def subjects(self, folder: str, criterion: str = "ALL") -> list[str]:
        """The subjects of what fits in a folder, sorted; empty where there is no such folder."""
        status, _ = self.imap.select(f'"{folder}"', readonly=True)
        if status != "OK":
            return []
        _, (found,) = self.imap.uid("SEARCH", criterion)
        uids = found.split()
        if not uids:
            return []
        _, rows = self.imap.uid("FETCH", b",".join(uids).decode(), "(BODY.PEEK[HEADER])")
        headers = [row[1] for row in rows if isinstance(row, tuple)]
        return sorted(re.findall(rb"Subject: ([^\r]*)", h)[0].decode() for h in headers)

    def remove(self, subject: str) -> None:
        """Remove the mails of that subject from INBOX."""
        self.imap.select("INBOX")
        _, (found,) = self.imap.uid("SEARCH", f'SUBJECT "{subject}"')
        self.imap.uid("STORE", found.replace(b" ", b",").decode(), "+FLAGS", "(\\Deleted)")
        self.imap.expunge()


def mail(subject: str, body: str = "Hello.", sender: str = "Ann <ann@example.org>") -> bytes:
    """A mail of plain text."""
    head = f"From: {sender}\r\nTo: me@example.org\r\nSubject: {subject}\r\n"
    ident = f"Message-ID: <{abs(hash((subject, body)))}@example.org>\r\n"
    return f"{head}{ident}Date: Thu, 29 Feb 2024 12:00:00 +0000\r\n\r\n{body}\r\n".encode()


def with_pdf(subject: str) -> bytes:
    """A mail with an attachment."""
    return (
        f"From: Bob <bob@example.org>\r\nSubject: {subject}\r\nMessage-ID: <pdf@example.org>\r\n"
        "Date: Thu, 29 Feb 2024 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n--b\r\n"
        'Content-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        'Content-Disposition: attachment; filename="a.pdf"\r\n\r\nJVBERi0=\r\n--b--\r\n'
    ).encode()


@pytest.fixture(params=["plain", "tls"])
def config(
    request: pytest.FixtureRequest,
    dovecot: Dovecot,
    dovecot_user: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Namespace:
    """The guide's configuration, for a link of either kind."""
    tls = request.param == "tls"
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.ca_file))
    return {
        "host": "localhost",
        "username": dovecot_user,
        "password": PASSWORD,
        "use_ssl": tls,
        "port": dovecot.tls_port if tls else dovecot.port,
        "webhooks": {"endpoints": [{"name": "primary", "url": "https://api.example/hook"}]},
    }


@pytest.fixture
def other(dovecot: Dovecot, dovecot_user: str) -> Iterator[Other]:
    """Another client of the same mailbox."""
    client = Other(dovecot.port, dovecot_user)
    yield client
    client.imap.logout()


def stopping(_: float) -> None:
    """A sleep that ends the loop."""
    raise Stopped


def test_incoming(config: Namespace, other: Other) -> None:
    """Each mail goes to the handler of its kind and is seen; one that fails is not."""
    other.deliver(
        mail("help me, a ticket"), mail("your order 77", "Total $5"), with_pdf("look"), mail("hi")
    )
    other.deliver(mail("broken order"), mail("an old one"), flags="")
    guide = run("ModernEmailProcessor", time=Clock(stopping))
    seen: list[tuple[str, Any]] = []

    base: Any = guide["ModernEmailProcessor"]

    class Processor(base):  # type: ignore[misc]  # it is known at run time alone
        def create_support_ticket(self, data: Namespace) -> None:
            seen.append(("support", data["subject"]))

        def process_order(self, data: Namespace) -> None:
            if data["order_number"] == "broken":
                raise ValueError("no such order")
            seen.append(("order", data["total_amount"]))

        def process_pdf_attachment(self, attachment: Any, message: Any) -> None:
            seen.append(("pdf", (attachment.filename, attachment.size, message.uid)))

        def store_email_analysis(self, message: Any, analysis: Namespace) -> None:
            seen.append(("general", message.subject))

        def determine_priority(self, message: Any) -> str:
            return "high"

        def extract_order_number(self, subject: str) -> str:
            return subject.split()[0 if "broken" in subject else -1]

        def extract_amount_from_body(self, body: str) -> str:
            return body.strip()

        def extract_order_items(self, html: str) -> list[str]:
            return []

        analyze_sentiment = detect_language = extract_keywords = extract_entities = (
            lambda self, text: None
        )

    processor = Processor(config)
    with pytest.raises(Stopped):
        processor.process_incoming_emails()
    assert (processor.processed_count, processor.error_count) == (5, 1)
    assert sorted(seen) == [
        ("general", "an old one"),
        ("general", "hi"),
        ("order", "Total $5"),
        ("pdf", ("a.pdf", 5, 3)),
        ("support", "help me, a ticket"),
    ]
    assert other.subjects("INBOX", "UNSEEN") == ["broken order"]


def test_archive_and_spam(config: Namespace, other: Other) -> None:
    """Old mail that is not flagged is archived, and what is surely spam is filed."""
    long_ago = '"01-Jan-2020 00:00:00 +0000"'
    spam = "urgent winner congratulations lottery inheritance free money click here now"
    other.deliver(*(mail(f"old {n}") for n in range(5)), date=long_ago)
    other.deliver(mail("important"), date=long_ago, flags="(\\Flagged)")
    other.deliver(mail("new"), mail("URGENT WINNER LOTTERY", spam), mail("FREE lunch", "at noon"))
    guide = run("ModernEmailProcessor", "AdvancedBulkProcessor", time=Clock(lambda _: None))
    bulk = guide["AdvancedBulkProcessor"](config, batch_size=2)
    bulk.smart_archive_emails()
    assert other.subjects("INBOX/Archive") == [f"old {n}" for n in range(5)]
    bulk.intelligent_spam_cleanup()
    assert other.subjects("INBOX/Spam") == ["URGENT WINNER LOTTERY"]
    assert other.subjects("INBOX") == ["FREE lunch", "important", "new"]
    assert other.subjects("INBOX", "UNSEEN") == ["FREE lunch", "important", "new"]
    bulk.smart_archive_emails()
    bulk.intelligent_spam_cleanup()
    assert len(other.subjects("INBOX")) == 3


@contextmanager
def monitoring(config: Namespace, guide: Namespace) -> Iterator[Any]:
    """The guide's monitor, watching."""
    base: Any = guide["RealTimeEmailMonitor"]

    class Monitor(base):  # type: ignore[misc]  # it is known at run time alone
        def send_websocket_notification(self, event: Namespace) -> None:
            assert event["type"]

    monitor = Monitor(config)
    monitor.start_idle_monitoring()
    try:
        yield monitor
    finally:
        monitor.is_monitoring = False


def next_event(monitor: Any) -> Namespace:
    """The next event of the monitor's queue."""
    event: Namespace = monitor.event_queue.get(timeout=20)
    return event


def test_monitor(config: Namespace, other: Other) -> None:
    """Mail that comes and goes is told, one event each, whatever a callback does."""
    other.deliver(mail("before"))
    guide = run("RealTimeEmailMonitor")
    started: queue.Queue[int] = queue.Queue()
    idle = guide["IMAPClient"].idle

    class Watched(IMAPClient):
        def idle(self, *, renew: float | None = None) -> Any:
            held = idle(self, renew=renew)
            started.put(1)
            return held

    guide["IMAPClient"] = Watched
    heard: list[str] = []
    with monitoring(config, guide) as monitor:
        monitor.add_callback(lambda event: heard.append(event["type"]))
        monitor.add_callback(lambda event: event["nothing"])  # raises
        started.get(timeout=20)
        other.deliver(mail("first"))
        event = next_event(monitor)
        assert (event["type"], event["subject"], event["uid"]) == ("new_message", "first", 2)
        assert event["sender"] == "ann@example.org"
        other.deliver(mail("second"), with_pdf("third"))
        found = [next_event(monitor), next_event(monitor)]
        assert [e["subject"] for e in found] == ["second", "third"]
        assert [e["has_attachments"] for e in found] == [False, True]
        other.remove("before")
        gone = next_event(monitor)
        assert (gone["type"], gone["uid"]) == ("message_deleted", 1)
        assert monitor.event_queue.empty()
    other.deliver(mail("the last"))  # wakes the thread, which then ends
    assert heard == ["new_message"] * 3 + ["message_deleted"]
    monitor.monitor_thread.join(20)
    assert not monitor.monitor_thread.is_alive()


def test_routing(config: Namespace, other: Other, tmp_path: Path) -> None:
    """Mail is classified, filed by its category and seen."""
    other.deliver(
        mail("a problem", "my ticket 5"),
        mail("your order", "we bought, $1,000.50"),
        mail("big discount", "an offer"),
        mail("lottery", "you are the winner"),
        mail("hello", "how are you"),
        mail("help again", "done"),
    )
    guide = run("AIEmailClassifier", "IntelligentEmailProcessor")
    records: list[Namespace] = []

    base: Any = guide["IntelligentEmailProcessor"]

    class Processor(base):  # type: ignore[misc]  # it is known at run time alone
        def store_processing_results(self, record: Namespace) -> None:
            records.append(record)

    Processor(config).process_emails_intelligently()
    assert [r["classification"]["category"] for r in records] == [
        *("support", "sales", "marketing", "spam", "general", "support"),
    ]
    assert records[1]["extracted_info"]["amounts"] == ["$1,000.50"]
    assert records[0]["size"] > 100
    assert other.subjects("INBOX/Support") == ["a problem", "help again"]
    assert other.subjects("INBOX/Sales") == ["your order"]
    assert other.subjects("INBOX/Marketing") == ["big discount"]
    assert other.subjects("INBOX/Spam") == ["lottery"]
    assert other.subjects("INBOX") == ["hello"]
    assert other.subjects("INBOX", "UNSEEN") == []


def test_webhook_enrichment(config: Namespace, other: Other) -> None:
    """An event gets the text, the headers and the attachments of its mail, which stays unseen."""
    other.deliver(with_pdf("contract"))
    guide = run("EmailWebhookBridge")
    bridge = guide["EmailWebhookBridge"](config, config["webhooks"])
    event = bridge.enhance_event({"type": "new_message", "uid": 1})
    content = event["email_content"]
    assert content["plain_body"] == "See below."
    assert content["headers"]["Subject"] == "contract"
    assert content["attachments"] == [
        {"filename": "a.pdf", "content_type": "application/pdf", "size": 5}
    ]
    assert event["webhook_metadata"]["event_id"].endswith("_1")
    sent = json.loads(json.dumps(bridge.prepare_payload({"name": "primary"}, event)))
    assert sent["event"]["email_content"]["html_body"] == ""
    assert other.subjects("INBOX", "UNSEEN") == ["contract"]


def test_secure_processing(config: Namespace, other: Other) -> None:
    """Mail of a high level is encrypted over a link that demands a certificate."""
    high = mail("payroll").replace(b"To:", b"X-Security-Level: high\r\nTo:")
    other.deliver(high, mail("lunch"))
    guide = run("SecureEmailProcessor")
    stored: dict[int, bytes] = {}

    base: Any = guide["SecureEmailProcessor"]

    class Processor(base):  # type: ignore[misc]  # it is known at run time alone
        def store_encrypted_email(self, uid: int, encrypted_data: bytes) -> None:
            stored[uid] = encrypted_data

    processor = Processor(config)
    processor.process_emails_securely()
    assert list(stored) == [1]
    assert b"payroll" not in stored[1]
    content = processor.decrypt_email_content(stored[1])
    assert (content["subject"], content["sender"]) == ("payroll", "ann@example.org")
    assert content["headers"]["X-Security-Level"] == "high"
    assert other.subjects("INBOX", "UNSEEN") == ["lunch"]


def test_analytics_and_database(
    config: Namespace, other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are counted, stored with their content, and their attachments written."""
    monkeypatch.chdir(tmp_path)
    other.deliver(mail("one"), with_pdf("two"))
    guide = run("EmailProcessingAnalytics", "EmailDatabaseIntegration")
    analytics = guide["EmailProcessingAnalytics"]()
    database = guide["EmailDatabaseIntegration"]("emails.db")

    def handle(message: Any) -> None:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of sqlite3's own adapter of dates, which the guide uses.
            warnings.simplefilter("ignore", DeprecationWarning)
            database.store_email(message, category="general", priority="low")
        analytics.record_email_processed(message, 0.5, "general")

    with IMAPClient(config=config) as client:
        service = IMAPMailboxUIDService(client)
        service.select("INBOX")
        found = service.create_message_set_from_search()
        result = service.process_messages_in_batches(found, handle, batch_size=1)
    assert result.successful_messages == 2
    summary = analytics.get_performance_summary()
    assert (summary["total_processed"], summary["error_rate"]) == (2, 0)
    assert analytics.get_category_distribution() == {"general": 100.0}
    assert analytics.get_top_senders() == [("example.org", 2)]
    rows = database.get_emails_by_category("general")
    assert {row["subject"] for row in rows} == {"one", "two"}
    assert database.get_processing_stats()["total_emails"] == 2
    assert (tmp_path / "attachments" / "2" / "a.pdf").read_bytes() == b"%PDF-"
    with sqlite3.connect("emails.db") as connection:
        (headers,) = connection.execute(
            "SELECT headers FROM email_content WHERE uid = 1"
        ).fetchone()
    connection.close()
    assert json.loads(headers)["Subject"] == "one"
