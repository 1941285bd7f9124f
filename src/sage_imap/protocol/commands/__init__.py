"""Builders of the commands of RFC 9051 itself; those of extensions are in `extensions`."""

from __future__ import annotations

from sage_imap.protocol.commands.append import append
from sage_imap.protocol.commands.authenticate import authenticate
from sage_imap.protocol.commands.capability import capability
from sage_imap.protocol.commands.copy import copy
from sage_imap.protocol.commands.create import create
from sage_imap.protocol.commands.delete import delete
from sage_imap.protocol.commands.fetch import fetch, fetch_item
from sage_imap.protocol.commands.list import list_mailboxes
from sage_imap.protocol.commands.login import login
from sage_imap.protocol.commands.logout import logout
from sage_imap.protocol.commands.noop import noop
from sage_imap.protocol.commands.rename import rename
from sage_imap.protocol.commands.search import search
from sage_imap.protocol.commands.select import select
from sage_imap.protocol.commands.starttls import starttls
from sage_imap.protocol.commands.status import status
from sage_imap.protocol.commands.store import StoreMode, store
from sage_imap.protocol.commands.subscribe import subscribe
from sage_imap.protocol.commands.unsubscribe import unsubscribe

__all__ = [
    "StoreMode",
    "append",
    "authenticate",
    "capability",
    "copy",
    "create",
    "delete",
    "fetch",
    "fetch_item",
    "list_mailboxes",
    "login",
    "logout",
    "noop",
    "rename",
    "search",
    "select",
    "starttls",
    "status",
    "store",
    "subscribe",
    "unsubscribe",
]
