"""``sage-mail demo``: the whole system on an embedded mail server."""

from __future__ import annotations

import re
from typing import Annotated

import typer

__all__ = ["demo", "duration"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m)?")


def demo(
    for_: Annotated[
        str | None,
        typer.Option("--for", help="End by itself after this long: 30s, 2m.", show_default=False),
    ] = None,
    pause: Annotated[float, typer.Option(help="Seconds between two mails.", min=0.0)] = 2.0,
    port: Annotated[int, typer.Option(help="The page's port; 0 is any free one.")] = 0,
) -> None:
    """Show the system at work on an embedded mail server; Ctrl-C ends it."""
    import asyncio

    from sage_mail import telemetry
    from sage_mail.demo.show import run_demo

    seconds = None if for_ is None else duration(for_)
    telemetry.configure("ERROR", "console")
    raise typer.Exit(asyncio.run(run_demo(seconds=seconds, pause=pause, port=port)))


def duration(text: str) -> float:
    """Seconds in *text* (``30s``, ``2m``, ``45``); `typer.BadParameter` where it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter("a duration is a number with s or m behind it, such as 30s")
    return float(match[1]) * (60 if match[2] == "m" else 1)
