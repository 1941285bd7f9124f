"""What the verbs of webhooks and of notifications do alike: both are endpoints of the outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from sage_mail.cli.printing import print_rows
from sage_mail.cli.storing import with_storage

if TYPE_CHECKING:
    from sage_mail.records import AttemptRecord, DeliveryRecord, EndpointRecord
    from sage_mail.settings import Settings
    from sage_mail.storage import Storage

__all__ = [
    "attempt_facts",
    "disable",
    "enable",
    "is_enabled",
    "refused_as_gone",
    "show",
    "show_attempts",
    "state",
    "waiting_without",
]

_GONE = 410
# The most that the settings allow an endpoint to be sent at once.
_MOST_AT_ONCE = 100


def show(
    settings: Settings,
    kinds: Mapping[str, str],
    title: str,
    *,
    stranded: Collection[str] = (),
    as_json: bool,
) -> None:
    """Print a line for each endpoint: its state, what it is (under *title*), and its deliveries.

    Those that are *stranded* are not configured, and come last.
    """
    from sage_mail.records import DeliveryStatus

    async def read(storage: Storage) -> list[dict[str, object]]:
        async with storage.read() as uow:
            counts = await uow.outbox.counts()
            states = {name: state(await uow.endpoints.get(name)) for name in kinds}
        states |= dict.fromkeys(stranded, "not configured")
        return [
            {
                "name": name,
                "state": state_,
                title: kinds.get(name),
                **{str(each): counts.get(name, {}).get(each, 0) for each in DeliveryStatus},
            }
            for name, state_ in states.items()
        ]

    print_rows(with_storage(settings, read), as_json=as_json)


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


def is_enabled(settings: Settings, name: str) -> bool:
    """Whether the endpoint is sent what waits for it."""

    async def read(storage: Storage) -> bool:
        async with storage.read() as uow:
            return (await uow.endpoints.get(name)).enabled

    return with_storage(settings, read)


def refused_as_gone(settings: Settings, name: str) -> list[int]:
    """The deliveries given up because the endpoint, which is disabled for that, answered 410."""
    from sage_mail.records import DeliveryStatus

    async def read(storage: Storage) -> list[int]:
        async with storage.read() as uow:
            if (await uow.endpoints.get(name)).reason != "gone":
                return []
            # What was under way at once; nothing is tried after the answer.
            latest = await uow.outbox.latest_attempts(name, limit=_MOST_AT_ONCE, failed=True)
        return sorted(
            {
                delivery.id
                for delivery, attempt in latest
                if delivery.status is DeliveryStatus.FAILED and attempt.status_code == _GONE
            }
        )

    return with_storage(settings, read)


def show_attempts(
    settings: Settings, name: str, *, limit: int, failed: bool, as_json: bool
) -> None:
    """Print the endpoint's last attempts, the latest first; with *failed* those alone."""

    async def read(storage: Storage) -> list[tuple[DeliveryRecord, AttemptRecord]]:
        async with storage.read() as uow:
            return await uow.outbox.latest_attempts(name, limit=limit, failed=failed)

    found = with_storage(settings, read)
    if not found and not as_json:
        typer.echo("no attempts")
    print_rows([attempt_facts(*each) for each in found], as_json=as_json)


def attempt_facts(delivery: DeliveryRecord, attempt: AttemptRecord) -> dict[str, object]:
    """What there is to tell of the attempt, without the answer."""
    return {
        "time": attempt.started_at,
        "delivery": delivery.id,
        "event": delivery.event.seq,
        "type": delivery.event.type,
        "attempt": attempt.number,
        "status": attempt.status_code,
        "ms": attempt.latency_ms,
        "webhook_id": delivery.webhook_id,
        "error": attempt.error,
    }


def state(record: EndpointRecord) -> str:
    """How the endpoint stands, in a word or two."""
    if not record.enabled:
        return f"disabled ({record.reason})"
    return "enabled" if record.failing_since is None else "failing"
