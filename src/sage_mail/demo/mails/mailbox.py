"""The texts of the demo as mails: what a mailbox at a small company holds on a weekday.

A mail is a table ``[[mail]]`` of a file in ``texts``. Its keys:

``name``          how tests and other mails call it
``category``      what it should be recognised as; leave it out where nothing can be expected
``from``, ``to``, ``cc``, ``subject``
``minutes``       how long ago it was written
``answers``       the name of the mail that it answers
``text``, ``html``
``attach``        what is attached: names of `sage_mail.demo.mails.enclosures`
``inline``        the same, shown in the HTML as ``cid:<name>``
``headers``       further header fields
``charset``       how the text is encoded, ``declared`` what the header says of it ("" for nothing)
``damage``        "base64" or "boundary": what went wrong on the way
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from importlib import resources
from typing import Any, Final

from sage_mail.demo.mails.enclosures import Enclosure, enclosure

__all__ = ["DemoMail", "demo_mails"]

_OWNER: Final = "Lumio <hello@lumio.example>"


@dataclass(frozen=True, slots=True)
class DemoMail:
    """A mail of the demo as it goes over the wire, and the category that it belongs to.

    ``expected_category`` is None where nobody could tell.
    """

    name: str
    raw: bytes
    expected_category: str | None


def demo_mails(at: datetime | None = None) -> list[DemoMail]:
    """Every mail of the demo, oldest first, dated before ``at`` (an aware datetime; now if None).

    The same but for Date and Message-ID whenever it is called.
    """
    at = at or datetime.now(UTC)
    texts = [
        mail
        for entry in (resources.files(__package__) / "texts").iterdir()
        if entry.name.endswith(".toml")
        for mail in tomllib.loads(entry.read_text("utf-8"))["mail"]
    ]
    texts.sort(key=lambda mail: (-mail["minutes"], mail["name"]))
    by_name = {mail["name"]: mail for mail in texts}
    return [DemoMail(mail["name"], _raw(mail, by_name, at), mail.get("category")) for mail in texts]


def _raw(mail: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]], at: datetime) -> bytes:
    header = _header(mail, by_name, at)
    raw = _encoded_by_hand(mail, header) if "charset" in mail else _encoded(mail, header)
    return _damaged(raw, mail.get("damage", ""))


def _header(
    mail: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]], at: datetime
) -> dict[str, str]:
    header = {"From": mail["from"], "To": mail.get("to", _OWNER)}
    if "cc" in mail:
        header["Cc"] = mail["cc"]
    header["Subject"] = mail["subject"]
    header["Date"] = format_datetime(at - timedelta(minutes=mail["minutes"]))
    header["Message-ID"] = _message_id(mail, at)
    if thread := _thread(mail, by_name):
        header["In-Reply-To"] = _message_id(thread[-1], at)
        header["References"] = " ".join(_message_id(earlier, at) for earlier in thread)
    header.update(mail.get("headers", {}))
    return header


def _thread(
    mail: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The mails that this one follows, oldest first."""
    thread: list[Mapping[str, Any]] = []
    while "answers" in mail:
        mail = by_name[mail["answers"]]
        thread.insert(0, mail)
    return thread


def _message_id(mail: Mapping[str, Any], at: datetime) -> str:
    host = parseaddr(mail["from"])[1].rpartition("@")[2]
    return f"<{mail['name']}.{int(at.timestamp() * 1_000_000)}@{host}>"


def _encoded(mail: Mapping[str, Any], header: Mapping[str, str]) -> bytes:
    message = EmailMessage(policy=SMTP)
    for name, value in header.items():
        message[name] = value
    if "text" in mail:
        message.set_content(mail["text"])
    if "html" in mail:
        if "text" in mail:
            message.add_alternative(mail["html"], subtype="html")
        else:
            message.set_content(mail["html"], subtype="html")
    for name in mail.get("inline", ()):
        _add_inline(message, enclosure(name))
    for name in mail.get("attach", ()):
        _attach(message, enclosure(name))
    _fix_boundaries(message, mail["name"])
    return message.as_bytes()


def _add_inline(message: EmailMessage, image: Enclosure) -> None:
    html = message.get_body(("html",))
    assert html is not None, "an inline picture is shown in HTML"
    html.add_related(
        image.data,
        maintype=image.maintype,
        subtype=image.subtype,
        cid=f"<{image.name}>",
        filename=image.filename,
        disposition="inline",
    )


def _attach(message: EmailMessage, part: Enclosure) -> None:
    if part.maintype == "text":
        # With its parameters, since a calendar says there what it asks for (RFC 5546).
        message.add_attachment(
            part.data.decode(),
            subtype=part.subtype,
            filename=part.filename,
            params=dict(part.params),
        )
    else:
        message.add_attachment(
            part.data, maintype=part.maintype, subtype=part.subtype, filename=part.filename
        )


def _fix_boundaries(message: EmailMessage, name: str) -> None:
    """Boundaries of our own, so that a mail is the same each time."""
    multiparts = (part for part in message.walk() if part.is_multipart())
    for number, part in enumerate(multiparts):
        part.set_boundary(f"=_{name}_{number}")


def _encoded_by_hand(mail: Mapping[str, Any], header: Mapping[str, str]) -> bytes:
    """A mail of plain text in a charset that a modern library would not choose or not mislabel."""
    charset: str = mail["charset"]
    declared = mail.get("declared", charset)
    lines = [f"{name}: {_encoded_words(name, value, charset)}" for name, value in header.items()]
    lines.append("MIME-Version: 1.0")
    if declared:
        lines.append(f"Content-Type: text/plain; charset={declared}")
        lines.append("Content-Transfer-Encoding: 8bit")
    head = "\r\n".join(lines).encode("ascii")
    text: str = mail["text"]
    return head + b"\r\n\r\n" + text.replace("\n", "\r\n").encode(charset)


def _encoded_words(name: str, value: str, charset: str) -> str:
    if value.isascii():
        return value
    if name in {"From", "To", "Cc"}:
        return formataddr(parseaddr(value), charset)
    return Header(value, charset).encode(linesep="\r\n")


def _damaged(raw: bytes, damage: str) -> bytes:
    if damage == "boundary":
        # The last boundary is cut off, as by a server with a limit.
        return raw[: raw.rindex(b"\r\n--=_")]
    if damage == "base64":
        # Letters that base64 does not have, in the middle of the last part.
        start = raw.rindex(b"base64\r\n")
        middle = start + (len(raw) - start) // 2
        return raw[:middle] + b"*!*" + raw[middle + 3 :]
    return raw
