"""Recording a real Dovecot whose mail is full of secrets: none of them is in the file."""

from __future__ import annotations

import base64
import json
import quopri
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from sage_imap import services
from sage_imap.config import IMAPConfig
from sage_imap.errors import CommandRejected
from sage_imap.models.results import FetchRow
from sage_imap.protocol.mailbox_names import decode_utf7
from sage_imap.testing import known
from sage_imap.testing.__main__ import main
from sage_imap.testing.recording import record
from tests.support.corpora import needs_corpora, real_mails
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]

# Each stands for something else that is private; none is a word or a part of one.
MARKS = [
    f"qz{word}qz" for word in ("subj", "name", "local", "domain", "msgid", "file", "box", "flag")
]
SUBJECT, NAME, LOCAL, DOMAIN, MSGID, FILE, BOX, FLAG = MARKS
DIGITS = "5550199777"


# What charsets, dates, and x in base64 consist of.
WORDS_OF_SHAPE = """
    fetch nil b q ea ehg ehh e
    us ascii utf iso windows cp koi r u t jp kr cn tw big gb gbk ks c euc shift jis hz hkscs tis le
    macintosh be i
    mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec
    gmt utc ut wet west cet cest eet eest msk msd bst ist est edt cst cdt mst mdt pst pdt akst akdt
    hst jst kst aest aedt nzst nzdt
"""


def _mail(number: int) -> bytes:
    coded = base64.b64encode(f"{SUBJECT} schön {DIGITS}".encode()).decode()
    quoted = quopri.encodestring(f"{SUBJECT}=é".encode(), header=True).decode()
    subject = [
        f"{SUBJECT} {DIGITS}",
        f"=?utf-8?B?{coded}?=",
        f"=?utf-8?q?{quoted}?=",
        f'"{SUBJECT}" \\ {SUBJECT}',
        f"=?utf-8?q?{SUBJECT}",
        f"{SUBJECT} grüße",
        f"text/plain {SUBJECT}",
    ][number % 7]
    address = f'"{NAME} (\\"{NAME}\\")" <{LOCAL}.{DIGITS}@{DOMAIN}.example>'
    return (
        f"From: {address}\r\n"
        f"To: {NAME}: {address}, =?utf-8?q?{NAME}?= <{LOCAL}@{DOMAIN}.example>;\r\n"
        f"Cc: {LOCAL}@[127.0.0.1]\r\nReply-To: {LOCAL}\r\nSubject: {subject}\r\n"
        f"Date: Mon, 7 Feb 1994 21:52:25 -0800 ({MSGID})\r\n"
        f"In-Reply-To: <{MSGID}@{DOMAIN}.example>\r\n"
        f"Message-ID: <{MSGID}.{number}@{DOMAIN}.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/mixed; boundary={MSGID}\r\n\r\n--{MSGID}\r\n"
        f"Content-Type: text/x-{FILE}; charset={FILE}; {FILE}={FILE}\r\nContent-ID: <{MSGID}>\r\n"
        f"Content-Description: {FILE}\r\nContent-Language: {FILE}\r\n"
        f"Content-Location: http://{DOMAIN}.example/\r\nContent-MD5: {FILE}\r\n\r\n{SUBJECT}\r\n"
        f"--{MSGID}\r\nContent-Type: application/pdf; name*=utf-8'{FILE}'{FILE}%20%C3%A9\r\n"
        f'Content-Disposition: attachment; filename="{FILE}.pdf"; size={DIGITS}\r\n\r\nx\r\n'
        f"--{MSGID}\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: {address}\r\nSubject: {SUBJECT}\r\n"
        f"Message-ID: <{MSGID}>\r\n\r\n{SUBJECT}\r\n--{MSGID}--\r\n"
    ).encode()


@pytest.fixture
def account(dovecot: Dovecot, dovecot_user: str) -> str:
    """A user whose name, mailboxes, flags and messages hold marks."""
    user = f"{LOCAL}{dovecot_user}"
    config = IMAPConfig(
        host="localhost", port=dovecot.port, security="plain", username=user, password=PASSWORD
    )
    with services.IMAPClient(config) as client:
        for name in (BOX, f"{BOX}/{DIGITS}", f"é{BOX}ü/ü{BOX}", f'{BOX} "x" (y)', f"{BOX}&"):
            client.create(name)
        for mailbox in ("INBOX", f"é{BOX}ü/ü{BOX}"):
            for number in range(14):
                client.append(mailbox, _mail(number), flags=[FLAG, "\\Seen"] if number % 2 else [])
    return user


@pytest.mark.parametrize("mailbox", ["INBOX", f"é{BOX}ü/ü{BOX}"])
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_no_secret_is_recorded(
    security: str,
    mailbox: str,
    account: str,
    dovecot: Dovecot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No mark is in the file, in no encoding; it plays, and nothing was changed on the server."""
    output = tmp_path / "cases.json"
    monkeypatch.setenv("SECRET", PASSWORD)
    before = _flags(dovecot, account, mailbox)
    port = dovecot.tls_port if security == "tls" else dovecot.port
    arguments = f"record --host localhost --port {port} --security {security} --username {account}"
    done = main(
        [
            *arguments.split(),
            *("--password-env", "SECRET", "--ca-file", str(dovecot.ca_file)),
            *("--mailbox", mailbox, "--messages", "10", "--output", str(output)),
        ]
    )
    told = capsys.readouterr().out
    assert done == 0
    assert f"cases were written to {output}" in told
    assert "Look the file over" in told
    text = output.read_text()
    for form in _forms(text):
        lowered = form.lower()
        leaked = [mark for mark in (*MARKS, DIGITS, PASSWORD, account) if mark.lower() in lowered]
        assert not leaked
    rows = [case for case in json.loads(text) if case["id"] == "recorded-fetch"]
    assert len(rows[0]["expect"]["events"]) == 10
    assert main(["replay", str(output)]) == 0
    assert _flags(dovecot, account, mailbox) == before


@needs_corpora
def test_real_mail(dovecot: Dovecot, dovecot_user: str) -> None:
    """Of 600 real mails no word is left but those that are known to be harmless."""
    config = IMAPConfig(
        host="localhost",
        port=dovecot.port,
        security="plain",
        username=dovecot_user,
        password=PASSWORD,
    )
    with services.IMAPClient(config) as client:
        for _, octets in real_mails(600):
            octets = b"\r\n".join(octets.replace(b"\0", b"").splitlines())
            with suppress(CommandRejected):  # some are no mail at all
                client.append("INBOX", octets)
    recording = record(config, messages=600, idle=0.05)
    assert recording.failure is None
    (said,) = (c["server_bytes"] for c in recording.cases if c["id"] == "recorded-fetch")
    left = {word for word in re.findall(r"[a-z]+", said.lower()) if word.strip("x")}
    assert left <= _harmless_words()


def _harmless_words() -> set[str]:
    listed = known.MIME_WORDS | known.FETCH_ITEMS | known.KEYWORDS | known.TEXT_WORDS
    words = {part for word in listed for part in re.findall("[a-z]+", word.decode().lower())}
    return words | set(WORDS_OF_SHAPE.split())


def _flags(server: Dovecot, user: str, mailbox: str) -> list[Any]:
    config = IMAPConfig(
        host="localhost", port=server.port, security="plain", username=user, password=PASSWORD
    )
    with services.IMAPClient(config) as client:
        client.select(mailbox, readonly=True)
        rows = client.fetch(client.search(), ["FLAGS"])
        return [(row.uid, row.flags) for row in rows if isinstance(row, FetchRow)]


def _forms(text: str) -> Iterator[str]:
    """The file as it is, and what each encoding that mail knows may hide in it."""
    strings = list(_strings(json.loads(text)))
    whole = "\n".join(strings)
    yield text
    yield whole
    yield unquote(whole)
    yield quopri.decodestring(whole.encode(), header=True).decode("utf-8", "replace")
    for one in strings:
        yield decode_utf7(one.encode())
    for run in re.findall(r"[A-Za-z0-9+/,]{4,}", whole):
        for start in range(4):
            part = run[start:].replace(",", "/")
            octets = base64.b64decode(part[: len(part) // 4 * 4])
            yield octets.decode("latin-1")
            yield octets.decode("utf-16-be", "replace")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
