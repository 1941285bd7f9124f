"""``sage-mail notifications``: the channels, what they have told, and a try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sage_mail.cli import endpoints
from sage_mail.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from sage_mail.delivery.notifications import NotificationSettings
    from sage_mail.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="The channels by which people are told.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.")]


@app.command("list")
def list_(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List the channels with what waits for them."""
    settings = _settings(config)
    if not settings.notifications and not as_json:
        typer.echo("no channels; add a [[notifications]] table to the configuration")
        return
    kinds = {each.name: each.channel for each in settings.notifications}
    endpoints.show(settings, kinds, "channel", as_json=as_json)


@app.command("test")
def try_(name: _Name, config: ConfigOption = None) -> None:
    """Send a test now, in the channel's words, and say whether the service took it."""
    import asyncio

    from sage_mail.delivery.notifications import try_channel

    error = asyncio.run(try_channel(_channel(_settings(config), name)))
    typer.echo(error or "the service took it")
    raise typer.Exit(1 if error else 0)


@app.command("enable")
def enable(name: _Name, config: ConfigOption = None) -> None:
    """Tell what waits for the channel, at once, and what comes."""
    settings = _settings(config)
    endpoints.enable(settings, _channel(settings, name).name)


@app.command("disable")
def disable(name: _Name, config: ConfigOption = None) -> None:
    """Tell nothing by the channel; what comes waits until it is enabled."""
    settings = _settings(config)
    endpoints.disable(settings, _channel(settings, name).name)


@app.command("attempts")
def attempts(
    name: _Name,
    config: ConfigOption = None,
    *,
    limit: Annotated[int, typer.Option(help="How many, the latest first.", min=1)] = 20,
    failed: Annotated[bool, typer.Option(help="Those alone that did not succeed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what was tried, and what came of it."""
    settings = _settings(config)
    endpoints.show_attempts(
        settings, _channel(settings, name).name, limit=limit, failed=failed, as_json=as_json
    )


def _settings(config: ConfigOption) -> Settings:
    from sage_mail.settings import load_settings

    return load_settings(config)


def _channel(settings: Settings, name: str) -> NotificationSettings:
    from sage_mail.errors import ConfigError
    from sage_mail.settings_problems import nearest

    known = {channel.name: channel for channel in settings.notifications}
    if name not in known:
        raise ConfigError(
            f"there is no channel {name!r}{nearest(name, known)}; "
            "see `sage-mail notifications list`"
        )
    return known[name]
