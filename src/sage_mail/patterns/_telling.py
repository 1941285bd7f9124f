"""Notifications of a pattern class: an outbox of its own, and the drains of its channels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anyio.abc import TaskStatus

from sage_mail.patterns._portal import portal

if TYPE_CHECKING:
    from sage_mail.delivery.notifications import NotificationSettings
    from sage_mail.storage import Storage

__all__ = ["Telling"]

_PATIENCE: Final = 5.0


class Telling:
    """Notes that go out by the channels, kept in *folder* until they have; begun by `start`."""

    def __init__(self, folder: Path, channels: Sequence[NotificationSettings]) -> None:
        self._folder = folder
        self._channels = channels
        self._storage: Storage | None = None
        self._stop: asyncio.Event | None = None
        self._running: Future[None] | None = None

    def start(self) -> None:
        """Open the outbox and send what is left in it from before; does nothing a second time."""
        if self._storage is None:
            self._running, self._storage = portal().start_task(self._run)

    def stop(self) -> None:
        """End sending; what has not gone out goes out after the next start."""
        stop, running, self._storage, self._running = self._stop, self._running, None, None
        if stop is not None and running is not None:
            portal().call(stop.set)
            # The lock is free again when this returns, so that it can be started again at once.
            wait({running}, _PATIENCE)

    def tell(self, channel: str, event: Mapping[str, Any]) -> bool:
        """Hand the event to the outbox for every channel of this kind; False if there is none."""
        chosen = [_Chosen(each.name) for each in self._channels if each.channel == channel]
        if self._storage is not None and chosen:
            portal().call(_announce, self._storage, dict(event), chosen)
        return bool(chosen)

    async def _run(self, *, task_status: TaskStatus[Storage]) -> None:
        from sage_mail.delivery.drains import Drains
        from sage_mail.locking import StoreLock
        from sage_mail.storage import Storage, sole_service

        self._stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            stack.enter_context(StoreLock(self._folder))
            url = f"sqlite:///{self._folder.absolute() / 'sage.db'}"
            await stack.enter_async_context(sole_service(url))
            storage = await Storage.open(url, blob_dir=self._folder / "blobs")
            stack.push_async_callback(storage.close)
            drains = Drains(storage, [], notifications=self._channels)
            sending = asyncio.create_task(drains.run())
            task_status.started(storage)
            await self._stop.wait()
            sending.cancel()
            await asyncio.wait({sending})


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A channel that was chosen by the caller and has no say itself."""

    name: str

    def wants(self, event: object) -> bool:
        return True


async def _announce(storage: Storage, event: dict[str, Any], chosen: Sequence[_Chosen]) -> None:
    from sage_mail.delivery.announce import announce
    from sage_mail.delivery.events import EventType, NewEvent

    data = {**event, "from": {"name": "", "address": event.get("sender", "")}}
    new = NewEvent(
        type=EventType.MESSAGE_NEW,
        account="mail",
        mailbox="INBOX",
        occurred_at=datetime.now(UTC),
        data=data,
    )
    async with storage.unit_of_work() as uow:
        await announce(uow, new, chosen)
        await uow.commit()
