"""``sage-mail webhooks``: the endpoints, what was tried, and once more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sage_mail.cli import endpoints
from sage_mail.cli.moments import moment
from sage_mail.cli.options import ConfigOption, JsonOption
from sage_mail.cli.printing import json_line, local, printable
from sage_mail.cli.storing import service_runs, with_storage
from sage_mail.wording import deliveries

if TYPE_CHECKING:
    from sage_mail.records import AttemptRecord, DeliveryRecord, EndpointRecord
    from sage_mail.settings import Settings, WebhookSettings
    from sage_mail.storage import Storage

__all__ = ["app"]

app = typer.Typer(help="The endpoints and their deliveries.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint's name.")]
_WRAPPED = 20
_DROPPED = "dropped by hand: the endpoint was not configured"
_LAST_NUMBER = 2**63 - 1  # that a database holds


@app.command("list")
def list_(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List the endpoints with what waits for them, and those that are not configured any more."""
    settings = _settings(config)
    stranded = endpoints.waiting_without(settings)
    if settings.webhooks or stranded:
        kinds = {each.name: each.format for each in settings.webhooks}
        endpoints.show(settings, kinds, "format", stranded=stranded, as_json=as_json)
    if not settings.webhooks and not as_json:
        typer.echo("no endpoints; add a [[webhooks]] table to the configuration")
    for name, count in stranded.items():
        typer.echo(
            f"{printable(name)} is not configured; {deliveries(count)} waiting for it; configure "
            f"it under this name, or give them up: sage-mail webhooks drop {printable(name)}",
            err=True,
        )


@app.command("show")
def show(name: _Name, config: ConfigOption = None) -> None:
    """Show how one endpoint is set and how it stands; secrets and the address's path are not."""
    settings = _settings(config)
    endpoint = _endpoint(settings, name)

    async def read(storage: Storage) -> tuple[EndpointRecord, dict[str, int]]:
        async with storage.read() as uow:
            counts = (await uow.outbox.counts()).get(name, {})
            return await uow.endpoints.get(name), {str(k): n for k, n in counts.items()}

    record, counts = with_storage(settings, read)
    for key, value in (*_facts(endpoint), *_standing(record), *counts.items()):
        typer.echo(f"{key:<17} {printable(str(value), 2000)}")


@app.command("test")
def try_(name: _Name, config: ConfigOption = None) -> None:
    """Post an `endpoint.test` now, signed as always, and show the answer."""
    import asyncio

    from sage_mail.delivery.trial import try_endpoint

    outcome = asyncio.run(try_endpoint(_endpoint(_settings(config), name)))
    answer = f"HTTP {outcome.status}" if outcome.status is not None else "no answer"
    typer.echo(f"{answer} after {outcome.latency * 1000:.0f} ms")
    if outcome.error and outcome.error != answer:
        typer.echo(outcome.error)
    if outcome.excerpt:
        typer.echo(printable(outcome.excerpt, 500))
    raise typer.Exit(0 if outcome.delivered else 1)


@app.command("enable")
def enable(name: _Name, config: ConfigOption = None) -> None:
    """Send the endpoint what waits for it, at once, and what comes."""
    settings = _settings(config)
    _endpoint(settings, name)
    gone = endpoints.refused_as_gone(settings, name)
    endpoints.enable(settings, name)
    for number in gone:
        typer.echo(f"1 given up: sage-mail webhooks replay {name} --delivery {number}")


@app.command("disable")
def disable(name: _Name, config: ConfigOption = None) -> None:
    """Send the endpoint nothing; its deliveries wait until it is enabled."""
    settings = _settings(config)
    _endpoint(settings, name)
    endpoints.disable(settings, name)


@app.command("attempts")
def attempts(
    name: _Name,
    config: ConfigOption = None,
    *,
    limit: Annotated[int, typer.Option(help="How many, the latest first.", min=1)] = _WRAPPED,
    failed: Annotated[bool, typer.Option(help="Those alone that did not succeed.")] = False,
    delivery: Annotated[
        int | None,
        typer.Option(help="All of this delivery, with the answers.", min=1, max=_LAST_NUMBER),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was tried, and what came of it."""
    settings = _settings(config)
    _endpoint(settings, name)
    if delivery is not None:
        _show_delivery(settings, name, delivery, as_json=as_json)
        return
    endpoints.show_attempts(settings, name, limit=limit, failed=failed, as_json=as_json)


@app.command("replay")
def replay(
    name: _Name,
    config: ConfigOption = None,
    *,
    delivery: Annotated[
        int | None, typer.Option(help="This delivery.", min=1, max=_LAST_NUMBER)
    ] = None,
    first: Annotated[
        int | None,
        typer.Option("--from", min=1, max=_LAST_NUMBER, help="Events from this number on."),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--to", min=1, max=_LAST_NUMBER, help="Events up to this number."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Events since a moment: 2h, 3d, 2026-01-31T08:00.")
    ] = None,
) -> None:
    """Deliver once more: one delivery, a range of events, or all since a moment."""
    from sage_mail.delivery.replay import Range, replay_delivery, replay_range
    from sage_mail.errors import SageMailError

    settings = _settings(config)
    endpoint = _endpoint(settings, name)
    now = datetime.now(UTC)
    ranged = first is not None or last is not None or since is not None
    if ranged is (delivery is not None):
        raise SageMailError("say what: --delivery ID, or --from, --to and --since")
    if first is not None and last is not None and first > last:
        raise SageMailError(
            f"there is no event from {first} to {last}; nothing was changed; write the smaller "
            "number as --from"
        )

    async def write(storage: Storage) -> int:
        if delivery is not None:
            return int(await replay_delivery(storage, delivery, endpoint=name, at=now))
        range_ = Range(
            first=first or 1, last=last, since=None if since is None else moment(since, now)
        )
        return await replay_range(storage, endpoint, range_, at=now)

    count = with_storage(settings, write)
    if delivery is not None and not count:
        raise SageMailError(f"{name} has no delivery {delivery}; see `webhooks attempts {name}`")
    _tell_when(settings, name, count)


@app.command("drop")
def drop(
    name: _Name,
    config: ConfigOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give up what waits for an endpoint or channel that is not configured any more."""
    from sage_mail.errors import SageMailError

    settings = _settings(config)
    if name in {each.name for each in settings.subscribers}:
        raise SageMailError(
            f"{name} is configured, so that what waits for it is sent; nothing was dropped. "
            "To drop it, take it out of the configuration first"
        )
    count = endpoints.waiting_without(settings).get(name, 0)
    if not count:
        raise SageMailError(
            f"nothing waits for an endpoint {name!r}; see `sage-mail webhooks list`"
        )
    if not yes:
        typer.confirm(f"Give up {deliveries(count)} to {printable(name)}?", abort=True)

    async def write(storage: Storage) -> int:
        async with storage.unit_of_work() as uow:
            dropped = await uow.outbox.give_up(name, reason=_DROPPED)
            await uow.commit()
        return dropped

    count = with_storage(settings, write)
    typer.echo(f"given up: {deliveries(count)} to {printable(name)}; the events stay")


@app.command("rotate")
def rotate(
    name: _Name,
    config: ConfigOption = None,
    *,
    finish: Annotated[
        bool, typer.Option("--finish", help="Let the newest secret alone be valid.")
    ] = False,
) -> None:
    """Make a new secret and show it; the present one stays valid until --finish."""
    from sage_mail.delivery import rotation
    from sage_mail.errors import ConfigError

    source = _endpoint(_settings(config), name).secret_source()
    if not source.given:
        raise ConfigError(f"{source.owner} has no secret; set one of {source.choices}")
    if finish:
        ended = rotation.finish(source)
        typer.echo("the newest secret alone is valid" if ended else "there was one secret only")
        return
    typer.echo(rotation.rotate(source))
    typer.echo(
        "Deliveries are signed with this secret and the one before it. When the receivers know "
        f"it, run: sage-mail webhooks rotate {name} --finish",
        err=True,
    )


def _settings(config: ConfigOption) -> Settings:
    from sage_mail.settings import load_settings

    return load_settings(config)


def _endpoint(settings: Settings, name: str) -> WebhookSettings:
    from sage_mail.errors import ConfigError
    from sage_mail.settings_problems import nearest

    known = {endpoint.name: endpoint for endpoint in settings.webhooks}
    if name not in known:
        raise ConfigError(
            f"there is no endpoint {name!r}{nearest(name, known)}; see `sage-mail webhooks list`"
        )
    return known[name]


def _facts(endpoint: WebhookSettings) -> list[tuple[str, object]]:
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint.url)
    shown = ("events", "accounts", "folders", "categories", "priorities", "senders")
    given = [(key, ", ".join(getattr(endpoint, key))) for key in shown if getattr(endpoint, key)]
    return [
        ("name", endpoint.name),
        ("host", f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"),
        ("format", endpoint.format),
        *given,
        ("filter", endpoint.filter or "-"),
        ("content", "yes" if endpoint.sends_content else "no"),
        ("filter_sensitive", "yes" if endpoint.filter_sensitive else "no"),
        ("signed", "yes" if endpoint.secret_source().given else "no"),
        ("ordered", "yes" if endpoint.ordered else "no"),
        ("concurrency", endpoint.concurrency),
        ("rate_limit", endpoint.rate_limit or "-"),
    ]


def _standing(record: EndpointRecord) -> list[tuple[str, object]]:
    return [
        ("state", endpoints.state(record)),
        ("disabled at", record.disabled_at or "-"),
        ("failing since", record.failing_since or "-"),
    ]


def _show_delivery(settings: Settings, name: str, delivery_id: int, *, as_json: bool) -> None:
    from sage_mail.errors import SageMailError

    async def read(storage: Storage) -> tuple[DeliveryRecord | None, list[AttemptRecord]]:
        async with storage.read() as uow:
            return await uow.outbox.get(delivery_id), await uow.outbox.attempts(delivery_id)

    delivery, made = with_storage(settings, read)
    if delivery is None or delivery.endpoint != name:
        raise SageMailError(f"{name} has no delivery {delivery_id}")
    if as_json:
        for attempt in made:
            facts = endpoints.attempt_facts(delivery, attempt)
            typer.echo(json_line({**facts, "response": attempt.response}))
        return
    typer.echo(f"event      {delivery.event.seq} {delivery.event.type}")
    typer.echo(f"webhook-id {delivery.webhook_id}")
    typer.echo(f"status     {delivery.status}, next attempt {delivery.next_attempt_at or 'none'}")
    for attempt in made:
        status = attempt.status_code or "-"
        typer.echo(
            f"{attempt.number:>3}  {local(attempt.started_at)}  {status}"
            f"  {attempt.latency_ms} ms  {printable(attempt.error or '')}"
        )
        if attempt.response:
            typer.echo(f"     {printable(attempt.response, 1024)}")


def _tell_when(settings: Settings, name: str, count: int) -> None:
    if count and not endpoints.is_enabled(settings, name):
        typer.echo(f"{count} wait: {name} is disabled; sage-mail webhooks enable {name}")
    elif service_runs(settings):
        typer.echo(f"{count} will be delivered by the running service")
    else:
        typer.echo(f"{count} will be delivered when the service runs; start `sage-mail run`")
