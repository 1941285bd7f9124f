"""Every error that the system raises on purpose.

::

    SageMailError
    ├── ConfigError             a setting is missing, misspelt or contradictory
    │   └── SecretUnavailable   the place that a secret should come from does not have it
    ├── FeedRefused             a follower asks the live feed for what it cannot have
    └── StorageError            the database or the blob store cannot do what was asked
        └── StorageUnavailable  ... because it cannot be reached or is locked; a retry may help

What the mail server does wrong is told by the tree of `sage_imap.errors`. A delivery that fails is
not an error but a recorded outcome, see `sage_mail.delivery.sender`.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "FeedRefused",
    "SageMailError",
    "SecretUnavailable",
    "StorageError",
    "StorageUnavailable",
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


class StorageError(SageMailError):
    """The database or the blob store cannot do what was asked; nothing was committed."""


class StorageUnavailable(StorageError):
    """The database cannot be reached or stayed locked; the same call may succeed later."""
