from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_imap.models.email import EmailMessage
from tests.support.corpora import corpora, needs_corpora, real_mails
from tests.support.reading import UNEXPLAINED, differences, our_reading, standard_reading

pytestmark = [pytest.mark.corpora, needs_corpora]


@pytest.mark.timeout(300)
def test_every_difference_from_the_standard_library_has_a_reason() -> None:
    """No mail of the corpora is read otherwise than `email` reads it without a known reason."""
    mails = real_mails(3000)
    unexplained = [
        f"{name}: {field}"
        for name, raw in mails
        for field, reason in differences(our_reading(raw), standard_reading(raw))
        if reason == UNEXPLAINED
    ]
    assert len(mails) > 1000
    assert not unexplained


def _all_of(message: EmailMessage) -> Iterator[EmailMessage]:
    """*message* and the messages that are attached to it, which others read as parts of it."""
    yield message
    for attachment in message.attachments:
        if attachment.content_type.startswith("message/"):
            yield from _all_of(EmailMessage.from_bytes(attachment.content))


def _ascii(text: str) -> str:
    text = re.sub(r"charset=[\w-]+", "", text, flags=re.IGNORECASE)  # imap_tools rewrites it
    return re.sub(r"[^!-~]+", "", text)


_READ_BETTER = {
    "raw_email_incorrect_header.eml": "its first line is damaged, the fields after it are fields",
    "example13.eml": "its first line is damaged, the fields after it are fields",
    "multipart_report_multiple_status.eml": "an attached message's text is not the message's",
    "attachment_2_base64.eml": "the attached message is base64, which is undone",
}


def test_nothing_is_lost_that_imap_tools_finds() -> None:
    """Each text and each attachment of the golden files is somewhere in ours."""
    root = corpora()
    assert root is not None
    folder = root / "imap_tools"
    lost: list[str] = []
    for path in sorted((folder / "expected").rglob("*.json")):
        mail = folder / "tests/messages" / path.relative_to(folder / "expected").with_suffix("")
        if mail.name not in _READ_BETTER:
            lost += _lost(mail, json.loads(path.read_text(encoding="utf-8")))
    assert not lost


def _lost(mail: Path, golden: dict[str, object]) -> Iterator[str]:
    messages = list(_all_of(EmailMessage.from_bytes(mail.read_bytes())))
    files = [attachment for message in messages for attachment in message.attachments]
    texts = "".join(_ascii(m.plain_body) + _ascii(m.html_body) for m in messages)
    texts += "".join(_ascii(file.content.decode("latin-1")) for file in files)
    hashes = {file.sha256 for file in files}
    for kind in ("text", "html"):
        for line in str(golden[kind]).splitlines():
            if _ascii(line) not in texts:
                yield f"{mail.name}: {kind}: {line[:60]}"
    attachments = golden["attachments"]
    assert isinstance(attachments, list)
    for file in attachments:
        # An attached message is kept as it came and not written anew; a text may be the body.
        if file["content_type"] in ("message/rfc822", "text/plain") or not file["payload"]["size"]:
            continue
        if file["payload"]["sha256"] not in hashes:
            yield f"{mail.name}: {file['filename']} {file['content_type']}"
