"""What headers and shape say about a message, as named signals.

The names are those of ``[signals.*]`` in ``words/model.toml``. Lists are told from newsletters by
the fields that their software sets (RFC 2369 and RFC 2919): a list to which members write has a
List-Post that takes mail; what cannot be answered was sent to many by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sage_mail.pipeline.text import Wording, subject_text

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["is_automatic", "is_bulk", "signals"]

_LIST_TAG: Final = re.compile(
    r"^(?:(?:re|aw|sv|antw)(?:\[\d+\])?: ?)?\[[^\]]{2,40}\]", re.IGNORECASE
)
_REPLY: Final = re.compile(r"^(?:re|aw|sv|antw|rif|ref)(?:\[\d+\])? ?:", re.IGNORECASE)
_FORWARD: Final = re.compile(r"^(?:fwd?|wg|tr|rv|i|enc) ?:|^\[fwd", re.IGNORECASE)
_SHOUTS: Final = re.compile(r"!!|\$\$|\?!|\*\*\*")
_PADDED: Final = re.compile(r"\S[ \t]{6}[ \t]*\S")
# A subject needs this many letters before their capitals mean anything; "RE: FYI" does not shout.
_SHOUTED_LETTERS: Final = 10
_HARDLY_ANY_WORDS: Final = 4
_LIST_SOFTWARE: Final = ("x-beenthere", "mailing-list", "x-mailman-version", "x-mailinglist")
_CAMPAIGN_SOFTWARE: Final = (
    "feedback-id",
    "x-campaign",
    "x-campaignid",
    "x-campaign-id",
    "x-mc-user",
    "x-csa-complaints",
    "x-sg-eid",
)
_NO_REPLY: Final = ("noreply", "donotreply", "dontreply", "nichtantworten")
_BOUNCERS: Final = ("mailer-daemon", "postmaster")


def signals(message: EmailMessage, body: Wording) -> Iterator[str]:
    """The name of each signal that the message gives; ``body`` is the wording of its own text."""
    subject = subject_text(message)
    yield from _list_signals(message, subject)
    yield from _conversation_signals(message, subject)
    yield from _sender_signals(message)
    yield from _shape_signals(message, subject, body)


def is_bulk(message: EmailMessage) -> bool:
    """Whether the message was sent to many by a sender of its own, not by a member of a list."""
    return _how_sent(message, subject_text(message)) == "bulk"


def is_automatic(message: EmailMessage) -> bool:
    """Whether a program says that it wrote the message (RFC 3834 section 5)."""
    submitted = _first(message, "auto-submitted").strip().lower()
    said = bool(submitted) and not submitted.startswith("no")
    return said or "x-auto-response-suppress" in message.headers


def _list_signals(message: EmailMessage, subject: str) -> Iterator[str]:
    if sent := _how_sent(message, subject):
        yield sent
    elif any(name in message.headers for name in _CAMPAIGN_SOFTWARE):
        yield "campaign"


def _how_sent(message: EmailMessage, subject: str) -> str:
    """'discussion' for a message to a list, 'bulk' for one to many, empty for any other."""
    headers = message.headers
    precedence = _first(message, "precedence").strip().lower()
    post = _first(message, "list-post").strip().lower()
    takes_mail = bool(post) and not post.startswith("no")
    software = takes_mail or any(name in headers for name in _LIST_SOFTWARE)
    listed = software or precedence == "list" or "list-id" in headers
    answered = _is_reply(message) or _LIST_TAG.match(subject) or _REPLY.match(subject)
    if software or (listed and answered):
        return "discussion"
    if listed or precedence in {"bulk", "junk"} or "list-unsubscribe" in headers:
        return "bulk"
    return ""


def _conversation_signals(message: EmailMessage, subject: str) -> Iterator[str]:
    if _FORWARD.match(subject):
        yield "forward"
    elif _is_reply(message):
        yield "reply"
    elif _REPLY.match(subject):
        yield "reply_subject"


def _sender_signals(message: EmailMessage) -> Iterator[str]:
    sender = message.from_address.mailbox.lower() if message.from_address else ""
    if is_automatic(message):
        yield "automatic"
    if sender in _BOUNCERS or "multipart/report" in _first(message, "content-type").lower():
        yield "bounce"
    if re.sub(r"[-_.]", "", sender).startswith(_NO_REPLY):
        yield "no_reply"
    if _first(message, "x-spam-flag").strip().lower().startswith("yes"):
        yield "flagged_spam"


def _shape_signals(message: EmailMessage, subject: str, body: Wording) -> Iterator[str]:
    letters = [letter for letter in subject if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    shouted = len(letters) >= _SHOUTED_LETTERS and capitals > 0.8 * len(letters)
    if shouted or _SHOUTS.search(subject):
        yield "shouting"
    if _PADDED.search(subject):
        yield "padded_subject"
    if not message.to_addresses and not message.cc_addresses:
        yield "undisclosed"
    if message.html_body and not message.plain_body.strip():
        yield "only_html"
    if body.count < _HARDLY_ANY_WORDS:
        yield "hardly_text"
    if any(part.content_type == "text/calendar" for part in message.attachments):
        yield "calendar"


def _is_reply(message: EmailMessage) -> bool:
    return "in-reply-to" in message.headers or "references" in message.headers


def _first(message: EmailMessage, name: str) -> str:
    return message.headers.get(name, "")
