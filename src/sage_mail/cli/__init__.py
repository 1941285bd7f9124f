"""The command line: a module a verb.

Verbs import what they need when they run, so that ``sage-mail --help`` answers at once. Expected
errors are one sentence on stderr and exit code 1; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import sys

import typer

from sage_mail.cli import check, classify, dead_letters, demo, events, notifications, run, webhooks
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
    try:
        app()
    except SageMailError as error:
        typer.echo(f"sage-mail: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
