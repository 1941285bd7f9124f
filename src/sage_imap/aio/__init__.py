"""The asyncio shell: the same names as `sage_imap.services`, with ``await``."""

from __future__ import annotations

from sage_imap.aio.client import IMAPClient
from sage_imap.aio.flag import IMAPFlagService
from sage_imap.aio.folder import IMAPFolderService
from sage_imap.aio.idle import IdleSession
from sage_imap.aio.mailbox import IMAPMailboxUIDService

__all__ = [
    "IMAPClient",
    "IMAPFlagService",
    "IMAPFolderService",
    "IMAPMailboxUIDService",
    "IdleSession",
]
