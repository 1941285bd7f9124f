"""What the verbs of webhooks and of notifications do alike: both are endpoints of the outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from sage_mail.cli.printing import printable
from sage_mail.cli.storing import with_storage

if TYPE_CHECKING:
    from sage_mail.records import AttemptRecord, DeliveryRecord, EndpointRecord
    from sage_mail.settings import Settings
    from sage_mail.storage import Storage

__all__ = ["disable", "enable", "local", "show", "show_attempts", "state", "waiting_without"]


def show(
    settings: Settings, kinds: Mapping[str, str], title: str, *, stranded: Collection[str] = ()
) -> None:
    """Print a line for each endpoint: its state, what it is (under *title*), and its deliveries.

    Those that are *stranded* are not configured, and come last.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sage_mail.records import DeliveryStatus

    async def read(storage: Storage) -> list[list[str]]:
        async with storage.read() as uow:
            counts = await uow.outbox.counts()
            states = {name: state(await uow.endpoints.get(name)) for name in kinds}
        states |= dict.fromkeys(stranded, "not configured")
        return [
            [
                name,
                state_,
                kinds.get(name, "-"),
                *(str(counts.get(name, {}).get(each, 0)) for each in DeliveryStatus),
            ]
            for name, state_ in states.items()
        ]

    table = Table("Name", "State", title, *(each.capitalize() for each in DeliveryStatus))
    for row in with_storage(settings, read):
        table.add_row(*map(Text, row))
    Console().print(table)


def waiting_without(settings: Settings) -> Mapping[str, int]:
    """How many deliveries wait for each endpoint or channel that is not configured."""

    async def read(storage: Storage) -> Mapping[str, int]:
        async with storage.read() as uow:
            found = await uow.outbox.stranded([each.name for each in settings.subscribers])
        return {name: queue.count for name, queue in found.items()}

    return with_storage(settings, read)


def enable(settings: Settings, name: str) -> None:
    """Let the endpoint's deliveries go, those that wait at once, and say so."""

    async def write(storage: Storage) -> bool:
        async with storage.unit_of_work() as uow:
            changed = await uow.endpoints.enable(name)
            if changed:
                await uow.outbox.hurry(name, at=datetime.now(UTC))
            await uow.commit()
        return changed

    typer.echo(f"{name} {'is enabled' if with_storage(settings, write) else 'was enabled'}")


def disable(settings: Settings, name: str) -> None:
    """Let the endpoint's deliveries wait, and say so."""

    async def write(storage: Storage) -> bool:
        async with storage.unit_of_work() as uow:
            changed = await uow.endpoints.disable(name, reason="asked", at=datetime.now(UTC))
            await uow.commit()
        return changed

    typer.echo(f"{name} {'is disabled' if with_storage(settings, write) else 'was disabled'}")


def show_attempts(settings: Settings, name: str, *, limit: int, failed: bool) -> None:
    """Print the endpoint's last attempts, the latest first; with *failed* those alone."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    async def read(storage: Storage) -> list[tuple[DeliveryRecord, AttemptRecord]]:
        async with storage.read() as uow:
            return await uow.outbox.latest_attempts(name, limit=limit, failed=failed)

    found = with_storage(settings, read)
    if not found:
        typer.echo("no attempts")
        return
    table = Table("Time", "Delivery", "Event", "Type", "Attempt", "Status", "ms", "Error")
    for delivery, attempt in found:
        facts = (
            local(attempt.started_at),
            delivery.id,
            delivery.event.seq,
            delivery.event.type,
            attempt.number,
            attempt.status_code or "-",
            attempt.latency_ms,
            attempt.error or "",
        )
        table.add_row(*(Text(printable(str(fact))) for fact in facts))
    Console().print(table)


def state(record: EndpointRecord) -> str:
    """How the endpoint stands, in a word or two."""
    if not record.enabled:
        return f"disabled ({record.reason})"
    return "enabled" if record.failing_since is None else "failing"


def local(instant: datetime) -> str:
    """The instant by the clock on the wall, to the second."""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M:%S")
