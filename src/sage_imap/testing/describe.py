"""Events as plain dictionaries, in the words of the transcript format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sage_imap.models.address import EmailAddress
from sage_imap.models.envelope import Envelope
from sage_imap.models.structure import BodyPart
from sage_imap.protocol import events as facts

__all__ = ["describe", "describe_code"]

Description = dict[str, Any]


def describe(event: facts.Event) -> Description | None:
    """*event* as a dictionary with its ``type``; None for what the format calls no event."""
    describer = _DESCRIBERS.get(type(event))
    return None if describer is None else describer(event)


def describe_code(code: facts.ResponseCode | None) -> Description | None:
    """A response code with its name and arguments."""
    return None if code is None else {"name": code.name, "args": list(code.args)}


def _status(event: facts.UntaggedStatus) -> Description:
    kind = event.status.value.lower()
    return {"type": kind, "code": describe_code(event.code), "text": event.text}


def _list(event: facts.ListReceived) -> Description:
    return {
        "type": "list",
        "name": str(event.name),
        "raw_name": event.raw_name.decode("latin-1"),
        "delimiter": event.delimiter,
        "attributes": list(event.attributes),
        "selectable": event.selectable,
        "special_use": f"\\{event.special_use}" if event.special_use else None,
        "old_name": event.old_name,
        "child_info": event.child_info,
    }


def _fetch(event: facts.FetchReceived) -> Description:
    items = {name: _item(value) for name, value in event.items.items()}
    return {"type": "fetch", "seq": event.seq, "items": items}


def _item(value: object) -> object:
    if isinstance(value, Envelope):
        return _envelope(value)
    if isinstance(value, BodyPart):
        return _node(value)
    return value


def _envelope(envelope: Envelope) -> Description:
    return {
        "date": envelope.date,
        "date_raw": envelope.date_raw,
        "subject": None if envelope.subject_raw is None else envelope.subject,
        "from": _addresses(envelope.from_),
        "sender": _addresses(envelope.sender),
        "reply_to": _addresses(envelope.reply_to),
        "to": _addresses(envelope.to),
        "cc": _addresses(envelope.cc),
        "bcc": _addresses(envelope.bcc),
        "in_reply_to": envelope.in_reply_to,
        "message_id": envelope.message_id,
    }


def _addresses(addresses: tuple[EmailAddress, ...]) -> list[Description]:
    return [{"name": a.name or None, "mailbox": a.mailbox, "host": a.host} for a in addresses]


def _node(part: BodyPart) -> Description:
    disposition = part.disposition
    node: Description = {
        "type": part.type,
        "params": part.params,
        "id": part.id,
        "description": part.description,
        "encoding": part.encoding,
        "size": part.size,
        "lines": part.lines,
        "md5": part.md5,
        "disposition": None if disposition is None else disposition._asdict(),
        "language": list(part.language),
        "location": part.location,
    }
    if part.is_multipart:
        node["parts"] = [_node(child) for child in part.parts]
    if part.body is not None:
        envelope = None if part.envelope is None else _envelope(part.envelope)
        node["message"] = {"envelope": envelope, "body": _node(part.body)}
    return node


def _metadata(event: facts.MetadataReceived) -> Description:
    return {
        "type": "metadata",
        "mailbox": str(event.mailbox),
        "entries": event.entries,
        "names": list(event.names),
    }


def _fields(kind: str, **names: str) -> Callable[[Any], Description]:
    """A describer that copies attributes: ``field="attribute"``."""

    def describer(event: Any) -> Description:
        copied = {name: getattr(event, attribute) for name, attribute in names.items()}
        return {"type": kind, **copied}

    return describer


def _greeting(event: facts.GreetingReceived) -> Description:
    code = describe_code(event.code)
    return {"type": "greeting", "status": event.status.value, "code": code, "text": event.text}


def _bye(event: facts.ByeReceived) -> Description:
    return {"type": "bye", "code": describe_code(event.code), "text": event.text}


_DESCRIBERS: Final[dict[type, Callable[[Any], Description]]] = {
    facts.ACLReceived: _fields("acl", mailbox="mailbox", rights="rights"),
    facts.AlertReceived: _fields("alert", text="text"),
    facts.ByeReceived: _bye,
    facts.CapabilitiesReceived: _fields("capability", items="names"),
    facts.ContinuationRequested: _fields("continuation", text="text"),
    facts.ESearchReceived: _fields(
        "esearch",
        tag="tag",
        uid="uid",
        all="all",
        min="min",
        max="max",
        count="count",
        modseq="modseq",
        partial="partial",
        mailbox="mailbox",
        uidvalidity="uidvalidity",
    ),
    facts.ExistsReceived: _fields("exists", count="count"),
    facts.ExpungeReceived: _fields("expunge", seq="seq"),
    facts.ExtensionsEnabled: _fields("enabled", items="names"),
    facts.FetchReceived: _fetch,
    facts.FlagsReceived: _fields("flags", flags="flags"),
    facts.GreetingReceived: _greeting,
    facts.IDReceived: _fields("id", fields="fields"),
    facts.ListReceived: _list,
    facts.ListRightsReceived: _fields(
        "listrights",
        mailbox="mailbox",
        identifier="identifier",
        required="required",
        optional="optional",
    ),
    facts.MetadataReceived: _metadata,
    facts.MyRightsReceived: _fields("myrights", mailbox="mailbox", rights="rights"),
    facts.NamespaceReceived: _fields(
        "namespace", personal="personal", other="other", shared="shared"
    ),
    facts.ParseFailure: _fields("parse_failure", reason="reason"),
    facts.QuotaReceived: _fields("quota", root="root", resources="resources"),
    facts.QuotaRootReceived: _fields("quotaroot", mailbox="mailbox", roots="roots"),
    facts.RecentReceived: _fields("recent", count="count"),
    facts.SearchReceived: _fields("search", ids="ids", modseq="modseq"),
    facts.SortReceived: _fields("sort", ids="ids", modseq="modseq"),
    facts.StatusReceived: _fields("status", mailbox="mailbox", items="items"),
    facts.ThreadReceived: _fields("thread", threads="threads"),
    facts.UntaggedStatus: _status,
    facts.VanishedReceived: _fields("vanished", uids="uids", earlier="earlier"),
}
