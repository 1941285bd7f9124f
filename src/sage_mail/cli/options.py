"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigOption", "JsonOption"]


def _else_given_before(context: typer.Context, value: Path | None) -> Path | None:
    """The file that is named behind the verb, else the one that is named in front of it."""
    return value if value is not None else context.find_root().params.get("config")


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The TOML file; by default sage-mail.toml here, then ~/.config/sage-mail/config.toml.",
        show_default=False,
        callback=_else_given_before,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
