"""Whether a watched folder is there and may be opened, told once for each change.

A folder that is not is looked for again and again. That is no reason to end anything, but somebody
has to hear of it: nothing comes from there.
"""

from __future__ import annotations

import asyncio

from sage_imap.errors import CommandRejected, MailboxNotFound, PermissionDenied
from sage_mail.ingest.scope import Scope
from sage_mail.telemetry import get_logger

__all__ = ["Presence"]

_log = get_logger(__name__)

# A server may refuse for a moment without saying so; what it refuses for so many seconds is closed.
_PATIENCE = 60.0
_MISSING = "it does not exist"
_REFUSED = "it cannot be opened"


class Presence:
    """What is known of one folder; kept over the reconnects of the folder's watcher.

    *folder* is its name in the settings.
    """

    def __init__(self, scope: Scope, folder: str) -> None:
        self._scope = scope
        self._folder = folder
        self._refused_since: float | None = None

    def there(self) -> None:
        """The folder is there and was opened, or could have been."""
        self._refused_since = None
        if self._scope.closed.pop(self._folder, None) is not None:
            _log.info("folder_back", account=self._scope.account, folder=self._folder)

    def missing(self) -> None:
        """The server has no such folder."""
        self._refused_since = None
        if self._is_news(_MISSING):
            _log.warning(
                "folder_missing",
                account=self._scope.account,
                folder=self._folder,
                remedy="create it or take it out of folders",
            )

    def refused(self, error: CommandRejected) -> bool:
        """The server does not let us open the folder; whether nobody needs to wait for it.

        So it is where we have no permission, and where it was refused for a minute. Until then
        what was moved there may be looked for in vain, and is not to be given up.
        """
        if isinstance(error, MailboxNotFound):
            self.missing()
            return True
        now = asyncio.get_running_loop().time()
        if self._refused_since is None:
            self._refused_since = now
        self._warn(error)
        return isinstance(error, PermissionDenied) or now - self._refused_since >= _PATIENCE

    def _warn(self, error: CommandRejected) -> None:
        if self._is_news(_REFUSED):
            _log.warning(
                "folder_refused",
                account=self._scope.account,
                folder=self._folder,
                error=type(error).__name__,
                remedy="see whether the account may open it",
            )

    def _is_news(self, why: str) -> bool:
        before = self._scope.closed.get(self._folder)
        self._scope.closed[self._folder] = why
        return before != why
