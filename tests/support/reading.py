"""What the standard library reads in a message, and why ours differs where it does.

`standard_reading` and `our_reading` give the same dictionary of a message; `differences` compares
two of them and names for each field that differs the reason why ours is right. A difference that
no reason explains has the reason `UNEXPLAINED`: a bug of ours until it is explained.
"""

from __future__ import annotations

import binascii
import email
import email.policy
import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage as StandardMessage
from email.message import Message
from typing import Any, Final

from sage_imap.models.email import EmailMessage

__all__ = ["FIELDS", "UNEXPLAINED", "differences", "our_reading", "standard_reading"]

FIELDS: Final = ("subject", "from", "to", "cc", "date", "plain", "html", "attachments")
UNEXPLAINED: Final = "unexplained"

Reading = dict[str, Any]
Rule = Callable[[Any, Any, Reading, Reading], bool]


def standard_reading(raw: bytes) -> Reading:
    """What `email` with its default policy says of *raw*; None where it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(message, StandardMessage)
        return {
            "subject": _tried(lambda: str(message["subject"] or "")),
            "from": _tried(lambda: _addresses(message, "from")),
            "to": _tried(lambda: _addresses(message, "to")),
            "cc": _tried(lambda: _addresses(message, "cc")),
            "date": _tried(lambda: _date(message)),
            "plain": _tried(lambda: _body(message, "plain")),
            "html": _tried(lambda: _body(message, "html")),
            "attachments": _tried(lambda: _attachments(message)),
            "texts": _tried(lambda: [_latin(_content(part)) for part in _leaves(message)]) or [],
            "leftovers": _tried(lambda: [_latin(_content(part)) for part in _extra(message)]) or [],
        }


def our_reading(raw: bytes) -> Reading:
    """What `EmailMessage` says of *raw*."""
    message = EmailMessage.from_bytes(raw)
    return {
        "subject": message.subject,
        "from": [str(address) for address in message.from_addresses],
        "to": [str(address) for address in message.to_addresses],
        "cc": [str(address) for address in message.cc_addresses],
        "date": message.date,
        "plain": message.plain_body,
        "html": message.html_body,
        "attachments": [(a.content_type, a.filename, a.sha256) for a in message.attachments],
        "texts": [_latin(a.content) for a in message.attachments],
        "names": [a.name for a in (*message.from_addresses, *message.all_recipients)],
        "warnings": message.warnings,
    }


def differences(ours: Reading, theirs: Reading) -> list[tuple[str, str]]:
    """The fields that differ, each with the reason why ours is right."""
    found = []
    for field in FIELDS:
        left, right = ours[field], theirs[field]
        if left != right and _plainly(field, left) != _plainly(field, right):
            rules = _RULES[field]
            reasons = (why for why, rule in rules.items() if rule(left, right, ours, theirs))
            found.append((field, next(reasons, UNEXPLAINED)))
    return found


def _plainly(field: str, value: Any) -> Any:
    """*value* without what is a matter of notation."""
    if value is None:
        return None
    if field in ("from", "to", "cc"):
        return [address.replace('"', "") for address in value if address != "<>"]
    if field == "attachments":
        return sorted((kind, name, "" if _is_message(kind) else sha) for kind, name, sha in value)
    return value


def _is_message(content_type: str) -> bool:
    return content_type.startswith("message/")


def _tried(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception:  # noqa: BLE001 - email raises what it likes for broken mail
        return None


def _addresses(message: StandardMessage, name: str) -> list[str]:
    return [a.addr_spec for header in message.get_all(name, []) for a in header.addresses]


def _date(message: StandardMessage) -> datetime | None:
    header = message["date"]
    moment: datetime | None = header.datetime if header is not None else None
    return moment.replace(tzinfo=UTC) if moment is not None and not moment.tzinfo else moment


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _latin(content: bytes) -> str:
    return _lines(content.decode("latin-1"))


def _body(message: StandardMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return _lines(part.get_content()) if part is not None else ""


def _leaves(message: Message) -> Iterator[Message]:
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            assert isinstance(part, Message)
            yield from _leaves(part)
    else:
        yield message


def _content(part: Message) -> bytes:
    content = None if part.is_multipart() else part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _extra(message: StandardMessage) -> list[Message]:
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    return [part for part in _leaves(message) if not any(part is body for body in bodies)]


def _attachments(message: StandardMessage) -> list[tuple[str, str, str]]:
    return [
        (
            part.get_content_type(),
            part.get_filename() or "",
            hashlib.sha256(_content(part)).hexdigest(),
        )
        for part in _extra(message)
    ]


def _ascii(text: str) -> str:
    return re.sub(r"[^!-~]+", "", text)


def _warned(*beginnings: str) -> Rule:
    return lambda _l, _r, ours, _t: any(w.startswith(beginnings) for w in ours["warnings"])


def _raises(_left: Any, right: Any, _ours: Reading, _theirs: Reading) -> bool:
    return right is None


def _same_ascii(left: str, right: str, _ours: Reading, _theirs: Reading) -> bool:
    return _ascii(left) == _ascii(right)


def _same_words(left: str, right: str, _ours: Reading, _theirs: Reading) -> bool:
    return "".join(left.split()) == "".join(right.split())


def _encoded(left: str, right: str, _ours: Reading, _theirs: Reading) -> bool:
    return "=?" in left + right or "\ufffd" in left + right


def _controls(left: str, _right: str, _ours: Reading, _theirs: Reading) -> bool:
    return any("\x7f" < character < "\xa0" for character in left)


def _multipart_found(_left: Any, right: list[Any], _ours: Reading, _theirs: Reading) -> bool:
    return any(kind.startswith("multipart/") for kind, _, _ in right)


def _not_decoded(left: list[Any], right: list[Any], _ours: Reading, theirs: Reading) -> bool:
    """Theirs is the base64 itself, because something stands beside the encoding's name."""
    hashes = {sha for _, _, sha in left}
    for (_, _, sha), words in zip(right, theirs["leftovers"], strict=True):
        if sha not in hashes and hashlib.sha256(_unbase64(words)).hexdigest() not in hashes:
            return False
    return True


def _unbase64(words: str) -> bytes:
    try:
        return binascii.a2b_base64(words.encode("latin-1"))
    except binascii.Error:
        return b""


def _joined(left: str, right: str, _ours: Reading, _theirs: Reading) -> bool:
    return _ascii(right) in _ascii(left)


def _kept_apart(_left: str, right: str, ours: Reading, _theirs: Reading) -> bool:
    return any(_ascii(right) == _ascii(text) for text in ours["texts"])


def _other_text(left: str, right: str, _ours: Reading, theirs: Reading) -> bool:
    return not right and any(_ascii(left) == _ascii(text) for text in theirs["texts"])


def _more(left: list[str], right: list[str], _ours: Reading, _theirs: Reading) -> bool:
    return set(_plainly("to", right)) < set(left)


def _no_word_decoded(left: list[str], _right: Any, _ours: Reading, _theirs: Reading) -> bool:
    return any("=?" in address for address in left)


def _beyond_ascii(left: list[str], _right: Any, _ours: Reading, _theirs: Reading) -> bool:
    return any(not address.isascii() for address in left)


def _odd_list(left: list[str], right: list[str], _ours: Reading, _theirs: Reading) -> bool:
    """No complete address of theirs is missing or means another host."""
    hosts = {address.rpartition("@")[2] for address in left}
    return all(a.rpartition("@")[2] in hosts for a in right if "@" in a and "@@" not in a)


def _name_no_address(left: list[str], right: list[str], ours: Reading, _t: Reading) -> bool:
    return all(address in left or address in ours["names"] for address in right)


def _no_zone(left: datetime | None, right: datetime | None, *_: Reading) -> bool:
    if left is None or right is None:
        return False
    return left.replace(tzinfo=None) == right.replace(tzinfo=None) and left.tzinfo is UTC


def _no_date(left: datetime | None, right: datetime | None, *_: Reading) -> bool:
    return left is None and right is not None


def _read_date(left: datetime | None, right: datetime | None, *_: Reading) -> bool:
    return left is not None and right is None


def _all_there(left: list[Any], right: list[Any], ours: Reading, _theirs: Reading) -> bool:
    """What theirs calls an attachment is one of ours, or stands in our text, or is empty."""
    mine = Counter((kind, "" if _is_message(kind) else sha) for kind, _, sha in left)
    text = _ascii(ours["plain"]) + _ascii(ours["html"])
    for (kind, _, sha), words in zip(right, _theirs["leftovers"], strict=True):
        key = (kind, "" if _is_message(kind) else sha)
        if mine[key]:
            mine[key] -= 1
        elif _ascii(words) not in text:
            return False
    return True


def _same_names(left: list[Any], right: list[Any], *_: Reading) -> bool:
    return [(k, s) for k, _, s in _plainly("attachments", left)] == [
        (k, s) for k, _, s in _plainly("attachments", right)
    ]


def _line_ends(left: list[Any], right: list[Any], ours: Reading, theirs: Reading) -> bool:
    texts = Counter(_ascii(text) for text in ours["texts"])
    body = _ascii(ours["plain"]) + _ascii(ours["html"])
    for (kind, _, _sha), words in zip(right, theirs["leftovers"], strict=True):
        if not _is_message(kind) and not texts[_ascii(words)] and _ascii(words) not in body:
            return False
    return bool(left) or not right


_TEXT: Final[dict[str, Rule]] = {
    "it raises on the charset": _raises,
    "the charset is not what the label says": _same_ascii,
    "every text of the kind is given, not the first alone": _joined,
    "a damaged transfer encoding is read as far as it goes": _warned("base64:", "uuencode:"),
    "a damaged header or multipart is read all the same": _warned("header:", "structure:"),
    "a named text behind another text is an attachment": _kept_apart,
    "a text of another kind is read as plain text": _other_text,
}
_ADDRESSES: Final[dict[str, Rule]] = {
    "it raises on the field": _raises,
    "an encoded-word is no part of an address": _no_word_decoded,
    "addresses beyond ASCII are text": _beyond_ascii,
    "a damaged header is read all the same": _warned("header:"),
    "an address with an odd neighbour, or without a domain, is kept": _more,
    "a name that looks like an address is a name": _name_no_address,
    "words before an address are its name": _odd_list,
}
_RULES: Final[dict[str, dict[str, Rule]]] = {
    "subject": {
        "it raises on the field": _raises,
        "folding is one space, and the ends are trimmed": _same_words,
        "octets beyond ASCII are UTF-8 or latin-1": _same_ascii,
        "a damaged header is read all the same": _warned("header:"),
        "a damaged encoded-word is read as far as it goes": _encoded,
        "an encoded-word with the wrong charset is read as latin-1": _controls,
    },
    "from": _ADDRESSES,
    "to": _ADDRESSES,
    "cc": _ADDRESSES,
    "date": {
        "a damaged header is read all the same": _warned("header:"),
        "a zone that cannot be is UTC": _no_zone,
        "a day that cannot be is no date": _no_date,
        "an ISO 8601 date is a date": _read_date,
    },
    "plain": _TEXT,
    "html": _TEXT,
    "attachments": {
        "it raises on a part": _raises,
        "texts that it takes for attachments stand in the body": _all_there,
        "a name is decoded whatever way it is encoded": _same_names,
        "line ends and damaged encodings are read as far as they go": _line_ends,
        "an encoding is undone though something stands beside its name": _not_decoded,
        "a multipart is taken apart that it leaves whole": _multipart_found,
        "a damaged transfer encoding is read as far as it goes": _warned("base64:", "uuencode:"),
        "a damaged header or multipart is read all the same": _warned("header:", "structure:"),
    },
}
