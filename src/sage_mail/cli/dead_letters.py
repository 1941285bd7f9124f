"""``sage-mail dead-letters``: the messages that could not be handled, and another try for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sage_mail.cli.options import ConfigOption, JsonOption
from sage_mail.cli.printing import print_rows, printable
from sage_mail.cli.storing import service_runs, with_storage

if TYPE_CHECKING:
    from sage_mail.records import DeadLetterRecord
    from sage_mail.settings import Settings
    from sage_mail.storage import Storage

__all__ = ["app"]

app = typer.Typer(help="Messages that could not be handled.", no_args_is_help=True)


@app.command("list")
def list_(
    config: ConfigOption = None,
    *,
    resolved: Annotated[bool, typer.Option(help="Those dealt with instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what is still to be dealt with."""

    async def read(storage: Storage) -> list[DeadLetterRecord]:
        async with storage.read() as uow:
            return await uow.dead_letters.list(resolved=resolved)

    letters = with_storage(_settings(config), read)
    if not letters and not as_json:
        typer.echo("no dead letters")
    print_rows([_row(letter) for letter in letters], as_json=as_json)


@app.command("show")
def show(
    letter_id: Annotated[int, typer.Argument(metavar="ID")], config: ConfigOption = None
) -> None:
    """Show all that is known about one."""
    from sage_mail.errors import SageMailError

    async def read(storage: Storage) -> DeadLetterRecord | None:
        async with storage.read() as uow:
            return await uow.dead_letters.get(letter_id)

    letter = with_storage(_settings(config), read)
    if letter is None:
        raise SageMailError(
            f"there is no dead letter {letter_id}; see `sage-mail dead-letters list`"
        )
    for name, value in _facts(letter):
        typer.echo(f"{name:<12} {printable(str(value), 2000)}")


@app.command("retry")
def retry(
    letter_id: Annotated[int | None, typer.Argument(metavar="[ID]")] = None,
    config: ConfigOption = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that are not dealt with.")] = False,
) -> None:
    """Have the running service try one, or all of them, once more."""
    from datetime import UTC, datetime

    from sage_mail.errors import SageMailError

    if (letter_id is None) is not every:
        raise SageMailError("name the ID of a dead letter, or --all")
    settings = _settings(config)

    async def request(storage: Storage) -> int:
        now = datetime.now(UTC)
        async with storage.unit_of_work() as uow:
            if letter_id is not None:
                ids = [letter_id]
            else:
                ids = [letter.id for letter in await uow.dead_letters.list(limit=100_000)]
            count = sum([await uow.dead_letters.request_retry(number, now) for number in ids])
            await uow.commit()
        return count

    count = with_storage(settings, request)
    if letter_id is not None and not count:
        raise SageMailError(f"there is no dead letter {letter_id} left to be tried")
    if service_runs(settings):
        typer.echo(f"{count} will be tried by the running service")
    else:
        typer.echo(f"{count} will be tried when the service runs; start it with `sage-mail run`")


def _settings(config: ConfigOption) -> Settings:
    from sage_mail.settings import load_settings

    return load_settings(config)


def _row(letter: DeadLetterRecord) -> dict[str, object]:
    return {
        "id": letter.id,
        "account": letter.account,
        "mailbox": letter.mailbox,
        "uidvalidity": letter.uidvalidity,
        "uid": letter.uid,
        "stage": letter.stage,
        "since": letter.created_at,
        "retries": letter.retries,
        "reason": letter.reason,
    }


def _facts(letter: DeadLetterRecord) -> list[tuple[str, object]]:
    return [
        ("id", letter.id),
        ("account", letter.account),
        ("mailbox", letter.mailbox),
        ("uidvalidity", letter.uidvalidity),
        ("uid", letter.uid),
        ("stage", letter.stage),
        ("reason", letter.reason),
        ("detail", letter.detail or "-"),
        ("octets", letter.content_hash or "not kept"),
        ("since", letter.created_at.isoformat()),
        ("retries", letter.retries),
        ("requested", letter.retry_requested_at or "-"),
        ("resolved", letter.resolved_at or "-"),
    ]
