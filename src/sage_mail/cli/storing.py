"""A store for as long as a verb needs one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sage_mail.settings import Settings
    from sage_mail.storage import Storage

__all__ = ["service_runs", "with_storage"]

_T = TypeVar("_T")


def service_runs(settings: Settings) -> bool:
    """True if a service runs on the database of the settings, on whichever host."""
    import asyncio

    from sage_mail.errors import StorageUnavailable
    from sage_mail.storage import who_serves

    try:
        return asyncio.run(who_serves(settings.database_url)) is not None
    except StorageUnavailable:  # what the verb was asked for is done all the same
        return False


def with_storage(settings: Settings, work: Callable[[Storage], Awaitable[_T]]) -> _T:
    """The result of the work on the store of the settings, which is closed afterwards."""
    import asyncio

    from sage_mail.storage import Storage

    async def run() -> _T:
        storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
        try:
            return await work(storage)
        finally:
            await storage.close()

    return asyncio.run(run())
