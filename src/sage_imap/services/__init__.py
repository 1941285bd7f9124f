"""The blocking shell: sockets and nothing else, without threads of its own."""

from __future__ import annotations

from sage_imap.services.client import IMAPClient
from sage_imap.services.flag import IMAPFlagService
from sage_imap.services.folder import IMAPFolderService
from sage_imap.services.idle import IdleSession
from sage_imap.services.mailbox import IMAPMailboxUIDService

__all__ = [
    "IMAPClient",
    "IMAPFlagService",
    "IMAPFolderService",
    "IMAPMailboxUIDService",
    "IdleSession",
]
