"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigOption"]

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The TOML file; by default sage-mail.toml here, then ~/.config/sage-mail/config.toml.",
        show_default=False,
    ),
]
