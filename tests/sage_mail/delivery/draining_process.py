"""A process of its own that drains one endpoint until it is killed: ``database blobs url``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sage_mail.delivery.drains import Drains
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage


async def _main(database: str, blobs: str, url: str) -> None:
    storage = await Storage.open(database, blob_dir=Path(blobs))
    await Drains(storage, [WebhookSettings(name="crm", url=url, allow_private=True)]).run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
