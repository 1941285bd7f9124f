"""What the folders of the settings are called on the server.

Settings name folders with "/" between levels, as the guide does; how a server spells them, its
delimiter, its prefix, and whether its INBOX takes children, is known to the library. The database
and the journal have the server's names.
"""

from __future__ import annotations

from collections.abc import Iterable

from sage_imap.aio import IMAPClient
from sage_imap.errors import AuthenticationFailed, CommandRejected, MailboxExists
from sage_imap.operations.folders import candidates
from sage_mail.telemetry import get_logger

__all__ = ["FolderNames", "find_watched", "is_closed"]

_log = get_logger(__name__)


class FolderNames:
    """The folders of the settings and their names on one account's server."""

    def __init__(self) -> None:
        self._on_server: dict[str, str] = {}
        self._in_settings: dict[str, str] = {}
        self._made: set[str] = set()

    async def learn(self, client: IMAPClient, folders: Iterable[str]) -> None:
        """Ask the server for the names of these folders; those that it lacks get a likely one."""
        space = await client.namespace()
        for folder in folders:
            if folder in self._on_server:
                continue
            names = list(candidates(folder, space))
            self._on_server[folder] = await client.find_folder(folder) or names[0]
            self._in_settings.update((name, folder) for name in names)

    def on_server(self, folder: str) -> str:
        """The server's name of the folder, as far as is known."""
        return self._on_server.get(folder, folder)

    async def ensure(self, client: IMAPClient, name: str) -> str:
        """Have the mailbox of this (server's) name exist; the name that it really got.

        Raises `CommandRejected` where the server will not have it.
        """
        if name in self._made:
            return name
        folder = self._in_settings.get(name)
        if folder is not None:
            name = await client.ensure_folder(folder)
            self._on_server[folder] = name
            self._in_settings[name] = folder
        elif not await client.list("", name):
            try:
                await client.create(name)
            except MailboxExists:
                _log.debug("mailbox_existed", mailbox=name)
        self._made.add(name)
        return name

    def forget(self, name: str) -> None:
        """The mailbox may be gone; look again before it is used."""
        self._made.discard(name)


async def find_watched(client: IMAPClient, folder: str) -> str | None:
    """The server's name of a folder that is to be watched; None where it is not there.

    Whoever copies the server's own name into the settings is understood, too.
    """
    if any(listed.name == folder and listed.selectable for listed in await client.list("", folder)):
        return folder
    return await client.find_folder(folder)


def is_closed(error: CommandRejected) -> bool:
    """True if a folder that was refused so stays closed, also to another try or connection."""
    return not error.retryable and not isinstance(error, AuthenticationFailed)
