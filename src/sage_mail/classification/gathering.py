"""Labelled mail from wherever the user keeps it: files, folders of accounts, corrections."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sage_imap.models.email import EmailMessage
from sage_mail.classification.dataset import Labelled
from sage_mail.classification.files import read_labelled
from sage_mail.errors import TrainingImpossible
from sage_mail.storage import BlobMissing
from sage_mail.telemetry import get_logger

if TYPE_CHECKING:
    from sage_mail.settings import Settings
    from sage_mail.storage import Storage

__all__ = ["Folder", "Origins", "gathered"]

_log = get_logger(__name__)

# A correction is one of few, and made because the classifier was wrong.
_CORRECTION_WEIGHT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of an account of which all mail has one label."""

    account: str
    folder: str
    label: str

    @classmethod
    def parsed(cls, text: str) -> Folder:
        """What ``ACCOUNT:FOLDER=LABEL`` says; raises TrainingImpossible for anything else."""
        place, _, label = text.rpartition("=")
        account, _, folder = place.partition(":")
        if not (account and folder and label):
            raise TrainingImpossible(f'"{text}" is not ACCOUNT:FOLDER=LABEL')
        return cls(account, folder, label)


@dataclass(frozen=True, slots=True)
class Origins:
    """Where labelled mail comes from.

    ``paths`` are ``PATH=LABEL``, or a ``PATH`` whose folders are labels. At most ``most`` messages
    of each path's label and of each folder are taken.
    """

    paths: Sequence[str] = ()
    folders: Sequence[Folder] = ()
    corrections: bool = False
    most: int = 5000


async def gathered(
    origins: Origins, settings: Settings | None, storage: Storage | None
) -> AsyncGenerator[Labelled, None]:
    """Each labelled message: of files, of folders (from the settings' accounts), of corrections.

    Raises:
        TrainingImpossible: something named does not exist or cannot be read.
    """
    for text in origins.paths:
        count: Counter[str] = Counter()
        for labelled in read_labelled(*_path(text)):
            count[labelled.label] += 1
            if count[labelled.label] <= origins.most:
                yield labelled
    if origins.folders and settings is not None:
        async for labelled in _from_accounts(origins, settings):
            yield labelled
    if origins.corrections and storage is not None:
        async for labelled in _from_corrections(storage):
            yield labelled


def _path(text: str) -> tuple[Path, str | None]:
    """A path, and the label behind its last "=" if there is one."""
    if Path(text).exists():
        return Path(text), None
    path, equals, label = text.rpartition("=")
    if not equals or not label:
        raise TrainingImpossible(f"{text} does not exist")
    return Path(path), label


async def _from_accounts(origins: Origins, settings: Settings) -> AsyncIterator[Labelled]:
    from sage_mail.classification.mailboxes import fetch_labelled

    accounts = {account.name: account for account in settings.accounts}
    for folder in origins.folders:
        account = accounts.get(folder.account)
        if account is None:
            known = ", ".join(sorted(accounts)) or "none"
            raise TrainingImpossible(
                f'the settings have no account "{folder.account}"; known are: {known}'
            )
        async for labelled in fetch_labelled(
            account, folder.folder, folder.label, most=origins.most
        ):
            yield labelled


async def _from_corrections(storage: Storage) -> AsyncIterator[Labelled]:
    async with storage.read() as uow:
        corrections = await uow.corrections.list()
    for correction in corrections:
        try:
            raw = await storage.blobs.read(correction.content_hash)
        except (BlobMissing, ValueError):  # not kept: the message was older than its first sight
            _log.warning("correction_without_octets", message_id=correction.message_id)
            continue
        message = EmailMessage.from_bytes(raw)
        yield Labelled(message, correction.category, "corrections", _CORRECTION_WEIGHT)
