"""Every name, attribute, default and key of the library that the guide uses is there."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from datetime import date

import pytest

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import ConfigurationError
from sage_imap.helpers.enums import Flag, MessagePart
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.email import Attachment, EmailAddress, EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult
from sage_imap.protocol.sets import UIDSet
from tests.guide.blocks import blocks, needs_guide

pytestmark = needs_guide

# What the guide calls its objects, and what they are here.
OBJECTS: dict[str, type] = {
    "IMAPSearchCriteria": IMAPSearchCriteria,
    "MessagePart": MessagePart,
    "MessageSet": MessageSet,
    "att": Attachment,
    "attachment": Attachment,
    "batch": MessageSet,
    "client": services.IMAPClient,
    "confirmed_spam": MessageSet,
    "fetch_result": OperationResult,
    "message": EmailMessage,
    "move_result": OperationResult,
    "msg_set": MessageSet,
    "old_msg_set": MessageSet,
    "potential_spam": MessageSet,
    "result": OperationResult,
    "uid_service": services.IMAPMailboxUIDService,
}
USED = {
    Attachment: {"content_type", "filename", "is_image", "save_to_file", "size"},
    EmailMessage: {
        *("all_recipients", "attachments", "date", "from_address", "headers", "html_body"),
        *("mailbox", "message_id", "plain_body", "size", "subject", "uid"),
        *("get_attachment_filenames", "get_body_preview", "has_attachments", "is_reply"),
    },
    IMAPSearchCriteria: {
        *("ALL", "FLAGGED", "UNSEEN", "and_criteria", "before", "body", "header", "larger"),
        *("not_criteria", "or_criteria", "subject"),
    },
    MessagePart: {"RFC822"},
    MessageSet: {"from_uids", "is_empty", "iter_batches"},
    OperationResult: {
        *("error_message", "failed_messages", "metadata", "success", "successful_messages"),
    },
    services.IMAPClient: {"done", "idle", "response", "sock"},
    services.IMAPMailboxUIDService: {
        *("create_message_set_from_search", "process_messages_in_batches", "select"),
        *("uid_fetch", "uid_move"),
    },
}
IMPORTS = {
    ("sage_imap.helpers.enums", "Flag"),
    ("sage_imap.helpers.enums", "MessagePart"),
    ("sage_imap.helpers.search", "IMAPSearchCriteria"),
    ("sage_imap.models.message", "MessageSet"),
    ("sage_imap.services", "IMAPClient"),
    ("sage_imap.services", "IMAPMailboxUIDService"),
}
CONFIGURATION = {"host", "password", "port", "ssl_context", "use_ssl", "username"}


def nodes() -> Iterator[ast.AST]:
    """Every node of every block."""
    for body in blocks():
        yield from ast.walk(ast.parse(body))


def has(kind: type, name: str) -> bool:
    """Whether instances of *kind* have *name*."""
    if hasattr(kind, name) or name in getattr(kind, "__slots__", ()):
        return True
    return kind is EmailMessage and hasattr(EmailMessage.from_bytes(b"\n"), name)


def test_imports() -> None:
    """What the guide imports of the library is there under the same path."""
    found = {
        (node.module, alias.name)
        for node in nodes()
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sage_imap")
        for alias in node.names
    }
    assert found == IMPORTS
    for module, name in found:
        assert hasattr(__import__(str(module), fromlist=[name]), name)
    assert Flag.SEEN


def test_attributes() -> None:
    """The table is what the guide uses, and all of it is there."""
    found: dict[type, set[str]] = {kind: set() for kind in USED}
    for node in nodes():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            kind = OBJECTS.get(node.value.id)
            if kind is not None and not _is_another(node):
                found[kind].add(node.attr)
    assert found == USED
    for kind, names in USED.items():
        assert {name for name in names if not has(kind, name)} == set(), kind


def _is_another(node: ast.Attribute) -> bool:
    # A client of the WebSocket feed, and a processing record, which has the same name.
    return node.attr == "send" or node.attr == "get"


def test_calls() -> None:
    """Keyword arguments and defaults are the guide's."""
    service = services.IMAPMailboxUIDService
    batches = inspect.signature(service.process_messages_in_batches).parameters
    assert list(batches) == ["self", "message_set", "handler", "batch_size", "mark_seen"]
    assert (batches["batch_size"].default, batches["mark_seen"].default) == (50, True)
    assert "config" in inspect.signature(services.IMAPClient).parameters
    assert "batch_size" in inspect.signature(MessageSet.iter_batches).parameters
    assert "mailbox" in inspect.signature(MessageSet.from_uids).parameters
    assert MessageSet.from_uids([3, 1]).parsed_ids == [1, 3]
    assert set(MessageSet("1:3").parsed_ids) == {1, 2, 3}
    assert list(inspect.signature(aio.IMAPMailboxUIDService).parameters) == ["client"]


def test_keys() -> None:
    """The keys of dictionaries that the guide looks up or hands over."""
    looked_up = {
        node.args[0].value
        for node in nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "metadata"
        and isinstance(node.args[0], ast.Constant)
    }
    assert looked_up == {"fetched_messages"}
    assert {field.name for field in fields(IMAPConfig)} >= CONFIGURATION
    config = {"host": "h", "username": "u", "password": "p", "use_ssl": True, "port": 993}
    assert IMAPConfig.of({**config, "webhooks": {"endpoints": []}}).host == "h"
    with pytest.raises(ConfigurationError, match="'password' is"):
        IMAPConfig.of({**config, "pasword": "p"})


def test_values() -> None:
    """What the guide prints, compares and iterates over behaves as it expects."""
    message = EmailMessage.from_bytes(b"From: Ann <ann@example.org>\nSubject: Hi\n\nText\n")
    assert str(message.from_address) == "ann@example.org"
    assert isinstance(message.from_address, EmailAddress)
    assert dict(message.headers) == {"From": "Ann <ann@example.org>", "Subject": "Hi"}
    assert message.get_body_preview(500) == "Text"
    old = IMAPSearchCriteria.before(date(2024, 2, 29).strftime("%d-%b-%Y"))
    kept = IMAPSearchCriteria.not_criteria(IMAPSearchCriteria.FLAGGED)
    assert IMAPSearchCriteria.and_criteria(old, kept) == "(BEFORE 29-Feb-2024 NOT FLAGGED)"
    result: OperationResult[None] = OperationResult(
        success=True, messages=UIDSet.of([1]), asked=MessageSet([1, 2])
    )
    assert (result.successful_messages, result.failed_messages) == (1, 1)
