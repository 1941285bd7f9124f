"""Options that say where labelled mail is, and getting it with what it needs opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from sage_mail.classification.dataset import Labelled
    from sage_mail.classification.gathering import Origins

__all__ = ["CorrectionsOption", "FoldersOption", "MailOption", "MostOption", "gather"]

MailOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mail",
        metavar="PATH[=LABEL]",
        help="A directory, Maildir or mbox of one label, or a folder of folders named by labels.",
        show_default=False,
    ),
]
FoldersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--folder",
        metavar="ACCOUNT:FOLDER=LABEL",
        help="A folder of an account; it is only read.",
        show_default=False,
    ),
]
CorrectionsOption = Annotated[
    bool, typer.Option("--corrections", help="The messages that were corrected.")
]
MostOption = Annotated[
    int, typer.Option("--most", min=1, help="At most so many messages of a folder or label.")
]


def gather(origins: Origins, config: Path | None, take: Callable[[Labelled], bool]) -> None:
    """Hand over each labelled message until *take* says False; what it needs is opened and closed.

    Raises:
        SageMailError: something cannot be read; the text says what.
    """
    import asyncio

    from sage_mail.errors import TrainingImpossible

    if not (origins.paths or origins.folders or origins.corrections):
        raise TrainingImpossible("name labelled mail: --mail, --folder or --corrections")
    asyncio.run(_gather(origins, config, take))


async def _gather(origins: Origins, config: Path | None, take: Callable[[Labelled], bool]) -> None:
    from contextlib import AsyncExitStack, aclosing

    from sage_mail.classification.gathering import gathered
    from sage_mail.settings import load_settings
    from sage_mail.storage import Storage

    async with AsyncExitStack() as stack:
        needed = bool(origins.folders) or origins.corrections
        settings = load_settings(config) if needed else None
        storage = None
        if origins.corrections and settings is not None:
            storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
            stack.push_async_callback(storage.close)
        found = await stack.enter_async_context(aclosing(gathered(origins, settings, storage)))
        async for labelled in found:
            if not take(labelled):
                typer.echo("there is more mail than is learnt from; the rest is left out", err=True)
                return
