"""The command line: a module a verb.

Verbs import what they need when they run, so that ``sage-mail --help`` answers at once. Expected
errors are one sentence on stderr and exit code 1; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from sage_mail.cli import check, classify, dead_letters, demo, events, notifications, run, webhooks
from sage_mail.cli.options import ConfigOption
from sage_mail.errors import SageMailError

__all__ = ["app", "main"]

app = typer.Typer(
    name="sage-mail",
    help="Turns mailboxes into a dependable stream of stored, filed and announced mail.",
    no_args_is_help=True,
    add_completion=False,
    # Drawing frames around the help takes longer than all else of it: Rich, Markdown and Pygments.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - the library's way to call it
    if asked:
        from importlib.metadata import version

        typer.echo(f"sage-mail {version('sage-imap')}")
        raise typer.Exit


@app.callback()
def _before_the_verb(
    config: ConfigOption = None,
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Take what may stand in front of every verb; see `ConfigOption`."""


app.command("run")(run.run)
app.command("check")(check.check)
app.command("demo")(demo.demo)
app.command("events")(events.events)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(notifications.app, name="notifications")
app.add_typer(classify.app, name="classify")


def main() -> None:
    """Run the command line of this process and exit."""
    _print_warnings_as_sentences()
    try:
        app()
    except SageMailError as error:
        typer.echo(f"sage-mail: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


class _Sentence(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if isinstance(record.msg, dict):
            action, colon, facts = text.partition(":")
            text = f"{action.replace('_', ' ')}{colon}{facts}"
        return f"{record.levelname.lower()}: {text}"


def _print_warnings_as_sentences() -> None:
    # Of the last resort alone, for verbs that configure no logs; the texts are those of telemetry.
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Sentence())
