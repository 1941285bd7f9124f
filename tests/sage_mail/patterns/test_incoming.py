"""The guide's processing of incoming mail, at a server that misbehaves."""

from __future__ import annotations

from pathlib import Path

from sage_imap.models.email import EmailMessage
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail.patterns import ModernEmailProcessor
from tests.support.script_server import HELLO, ScriptServer

FOUND = "<< A{} UID SEARCH UNSEEN\n>> * SEARCH 1\\r\\nA{} OK done\n"
SCRIPT = (
    f">> {HELLO}\n"
    '<< A1 LOGIN "ann" "pw"\n>> A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n'
    '<< A2 SELECT "INBOX"\n'
    ">> * OK [UIDVALIDITY 7] valid\\r\\nA2 OK [READ-WRITE] done\n"
    "<< A3 NOOP\n>> A3 OK done\n"
    + FOUND.format(4, 4)
    + "<< A5 UID FETCH 1 (UID RFC822.SIZE)\n>> * 1 FETCH (UID 1 RFC822.SIZE 4)\\r\\nA5 OK done\n"
    "<< A6 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])\n"
    '>> * 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[] "a: b")\n'
    ">> A6 OK done\n"
    "<< A7 UID STORE 1 +FLAGS (\\\\Seen)\n>> A7 NO [NOPERM] no\n"
    "<< A8 NOOP\n>> A8 OK done\n" + FOUND.format(9, 9) + "<< A10 UID STORE 1 +FLAGS (\\\\Seen)\n"
    ">> * 1 FETCH (UID 1 FLAGS (\\\\Seen))\\r\\nA10 OK done\n"
    ".. silence"
)


class Processor(ModernEmailProcessor):
    """Keeps the UIDs of what it was given."""

    def __init__(self, config: dict[str, object]) -> None:
        super().__init__(config)
        self.handled: list[int | None] = []

    def handle_message(self, message: EmailMessage) -> None:
        self.handled.append(message.uid)


def test_a_mark_that_is_refused(tmp_path: Path) -> None:
    """A message that was handled and could not be marked is marked later, not handled again."""
    with ScriptServer(SCRIPT) as server:
        config: dict[str, object] = {
            "host": "127.0.0.1",
            "port": server.port,
            "use_ssl": False,
            "username": "ann",
            "password": "pw",
            "data_dir": tmp_path,
        }
        processor = Processor(config)
        with IMAPClient(config) as client:
            service = IMAPMailboxUIDService(client)
            service.select("INBOX")
            assert not processor._process(service).success
            assert processor._process(service).success
        said = b"".join(server.received)
    assert processor.handled == [1]
    assert said.count(b"STORE") == 2
    assert (processor.processed_count, processor.error_count) == (1, 0)
