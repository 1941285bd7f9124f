"""``sage-mail check``: one line for each thing that must work, and a remedy where one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sage_mail.cli.options import ConfigOption

if TYPE_CHECKING:
    from sage_mail.checks import Finding
    from sage_mail.settings import Settings

__all__ = ["check"]


def check(config: ConfigOption = None) -> None:
    """Try the configuration, the database, each account and each endpoint; change nothing."""
    import asyncio

    from sage_mail.checks import Finding, examine
    from sage_mail.errors import ConfigError
    from sage_mail.settings import load_settings

    try:
        settings = load_settings(config)
    except ConfigError as error:
        for line in str(error).splitlines():
            _show(Finding("configuration", False, line))
        raise typer.Exit(1) from error
    failed = int(not settings.accounts)
    _show(_configuration(settings))
    for finding in asyncio.run(examine(settings, _show)):
        failed += not finding.ok
    raise typer.Exit(1 if failed else 0)


def _configuration(settings: Settings) -> Finding:
    from sage_mail.checks import Finding

    source = settings.source or "environment and defaults"
    if settings.accounts:
        return Finding("configuration", True, f"{source}: {_accounts(settings)}")
    remedy = "add an [[accounts]] table"
    if settings.source is None:
        remedy = "make a file sage-mail.toml with one, or name another by --config"
    return Finding("configuration", False, f"{source}: no account", remedy)


def _accounts(settings: Settings) -> str:
    from sage_mail.wording import counted

    return counted(len(settings.accounts), "account", "accounts")


def _show(finding: Finding) -> None:
    mark = typer.style("ok  ", fg="green") if finding.ok else typer.style("FAIL", fg="red")
    remedy = f" - {finding.remedy}" if finding.remedy else ""
    typer.echo(f"{mark} {finding.subject}: {finding.text}{remedy}")
