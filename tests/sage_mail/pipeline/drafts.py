"""Mails for the tests of the pipeline, in as few words as a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage as Draft
from email.policy import SMTP

from sage_imap.models.email import EmailMessage

__all__ = ["Policy", "mail"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Routing as a user asks for it."""

    threshold: float = 0.7
    mark_seen: bool = False
    folders: Mapping[str, str] = field(
        default_factory=lambda: {"support": "INBOX/Support", "spam": "INBOX/Spam", "sales": ""}
    )


def mail(
    subject: str = "",
    text: str = "",
    *,
    html: str = "",
    sender: str = "Kim Writer <kim@mail.example>",
    headers: Mapping[str, str] | None = None,
    attach: str = "",
) -> EmailMessage:
    """A message as the library reads it; ``attach`` is the content type of an attachment."""
    draft = Draft(policy=SMTP)
    fields = {"From": sender, "To": "office@company.example", "Subject": subject}
    for name, value in {**fields, **(headers or {})}.items():
        draft[name] = value
    if text or not html:
        draft.set_content(text)
    if html and text:
        draft.add_alternative(html, subtype="html")
    elif html:
        draft.set_content(html, subtype="html")
    if attach:
        maintype, _, subtype = attach.partition("/")
        draft.add_attachment(b"content", maintype=maintype, subtype=subtype, filename="file.bin")
    return EmailMessage.from_bytes(draft.as_bytes())
