"""Every error that the system raises on purpose.

::

    SageMailError
    ├── ConfigError             a setting is missing, misspelt or contradictory
    │   └── SecretUnavailable   the place that a secret should come from does not have it
    ├── FeedRefused             a follower asks the live feed for what it cannot have
    ├── ModelUnusable           a trained model is missing, damaged, foreign or of another version
    ├── ModelUnwritable         a trained model cannot be written where it was wanted
    ├── TrainingImpossible      the messages given do not suffice to learn from or to judge by
    └── StorageError            the database or the blob store cannot do what was asked
        ├── SchemaOutdated      ... because its tables are missing or older than this program
        └── StorageUnavailable  ... because it cannot be reached or is locked; a retry may help

What the mail server does wrong is told by the tree of `sage_imap.errors`. A delivery that fails is
not an error but a recorded outcome, see `sage_mail.delivery.sender`.
"""

from __future__ import annotations

import traceback
from pathlib import Path

__all__ = [
    "ConfigError",
    "FeedRefused",
    "ModelUnusable",
    "ModelUnwritable",
    "SageMailError",
    "SchemaOutdated",
    "SecretUnavailable",
    "StorageError",
    "StorageUnavailable",
    "TrainingImpossible",
    "culprit",
]


class SageMailError(Exception):
    """The root of the tree."""


class ConfigError(SageMailError):
    """A setting cannot be used; the message names the file, the key and the remedy, never a value
    that is secret. Nothing was started.
    """


class SecretUnavailable(ConfigError):
    """A secret cannot be had from the place that the settings name; the message names the place."""


class FeedRefused(SageMailError):
    """A follower asks the live feed for what it cannot have; the message says what is wrong."""


class ModelUnusable(SageMailError):
    """A trained model cannot be used; the message names the file, what is wrong and the remedy.

    Nothing that the file names was made. The service goes on with its rules.
    """

    def __init__(self, path: Path, problem: str, remedy: str = "") -> None:
        super().__init__(
            f"the model {path} cannot be used: {problem}; nothing of it was loaded; "
            + (remedy or "put both of its files back, or train it again: sage-mail classify train")
        )


class ModelUnwritable(SageMailError):
    """A trained model cannot be written; the message names the file and why. Nothing changed."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"the model cannot be written to {path}: {problem}; nothing was written, and what is "
            "there is as it was; name another file"
        )


class TrainingImpossible(SageMailError):
    """The messages given do not suffice; the message says what is missing. Nothing was written."""


class StorageError(SageMailError):
    """The database or the blob store cannot do what was asked; nothing was committed."""


class SchemaOutdated(StorageError):
    """The database's tables are older than this program, or, where it is *empty*, missing.

    Nothing was changed; opening it with migrations allowed makes them.
    """

    def __init__(self, *, empty: bool) -> None:
        super().__init__(
            f"the database {'has no tables yet' if empty else 'is older than this program'}; "
            "nothing was changed; the service brings it up to date when it starts"
        )
        self.empty = empty


class StorageUnavailable(StorageError):
    """The database cannot be reached or stayed locked; the same call may succeed later."""


def culprit(error: Exception) -> str:
    """The error's kind and place; not its text, which may quote a message."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {where.name}, line {where.lineno}"
