"""``sage-mail events``: what has happened, and what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sage_mail.cli.options import ConfigOption, JsonOption
from sage_mail.cli.printing import json_line, printable

if TYPE_CHECKING:
    from sage_mail.records import EventRecord
    from sage_mail.settings import Settings
    from sage_mail.storage import Storage

__all__ = ["events"]

_AT_ONCE = 100
# The commits of the running service wake nobody in this process.
_LOOK_SECONDS = 0.5


def events(
    config: ConfigOption = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come.")] = False,
    since: Annotated[
        int | None,
        typer.Option(help="The number after which to begin; by default the last ten, or 0."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the events in their order."""
    import asyncio
    from contextlib import suppress

    from sage_mail.settings import load_settings

    settings = load_settings(config)
    with suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(_show(settings, since, follow=follow, as_json=as_json))


async def _show(settings: Settings, since: int | None, *, follow: bool, as_json: bool) -> None:
    import asyncio

    from sage_mail.storage import Storage

    storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
    try:
        if since is None:
            async with storage.read() as uow:
                since = max(0, await uow.events.last_seq() - 10) if follow else 0
        else:
            await _require_past(storage, since)
        while True:
            async with storage.read() as uow:
                found = await uow.events.after(since, limit=_AT_ONCE)
            for event in found:
                typer.echo(_as_json(event) if as_json else _line(event))
                since = event.seq
            if len(found) == _AT_ONCE:
                continue
            if not follow:
                return
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await storage.close()


async def _require_past(storage: Storage, since: int) -> None:
    from sage_mail.errors import SageMailError

    async with storage.read() as uow:
        last = await uow.events.last_seq()
    if since > last:
        raise SageMailError(f"--since {since} lies in the future: the latest event is {last}")


def _as_json(event: EventRecord) -> str:
    return json_line(
        {
            "sequence": event.seq,
            "id": event.event_id,
            "type": event.type,
            "account": event.account,
            "mailbox": event.mailbox,
            "timestamp": event.occurred_at,
            "data": event.data,
        }
    )


def _line(event: EventRecord) -> str:
    data = event.data
    facts = [event.account]
    if event.mailbox is not None:
        facts.append(printable(event.mailbox))
    moved = data.get("moved")
    if moved:
        names = (printable(moved[end]["mailbox"]) for end in ("from", "to"))
        facts.append(f"{' -> '.join(names)} by {moved['by']}")
    if data.get("category"):
        facts.append(f"{data['category']} {data['confidence']:.2f}")
    for name in ("added", "removed", "endpoint", "reason", "subject"):
        if data.get(name):
            value = data[name]
            text = ", ".join(value) if isinstance(value, list) else str(value)
            facts.append(f"{name}: {printable(text)}")
    moment = event.occurred_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{event.seq:>6}  {moment}  {event.type:<21}  {'  '.join(facts)}"
