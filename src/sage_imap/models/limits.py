"""How much of one message is read; every bound of the message models is in this file.

Mail is written by strangers. Going past a bound never fails and never loses bytes: what lies
beyond stays in the part before it or in `EmailMessage.raw`, and a warning is recorded.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_ADDRESSES",
    "MAX_ADDRESS_WORDS",
    "MAX_BOUNDARIES",
    "MAX_DEPTH",
    "MAX_FIELDS",
    "MAX_FILENAME_BYTES",
    "MAX_HEADER_BYTES",
    "MAX_IDS",
    "MAX_PARAMETERS",
    "MAX_PARTS",
    "MAX_PREVIEW_SOURCE",
]

MAX_HEADER_BYTES: Final = 1024 * 1024
"""One header section, in octets. A list of 5,000 recipients takes 250 KB; Exim and Dovecot accept
1 MB, and Gmail refuses half of that."""

MAX_FIELDS: Final = 2000
"""Header fields of one section, a count. Real mail has up to 150; Gmail allows 1,000."""

MAX_ADDRESSES: Final = 10_000
"""Addresses read from the headers of one name. The largest providers allow 2,000 recipients."""

MAX_ADDRESS_WORDS: Final = 100_000
"""Words, specials and white space of one odd address field: ten for each of `MAX_ADDRESSES`."""

MAX_BOUNDARIES: Final = 20_000
"""Lines of one multipart that begin like its boundary: twenty for each part that may be read."""

MAX_IDS: Final = 1000
"""Message-IDs read from References. RFC 5537 section 3.4.4 would have them trimmed far sooner."""

MAX_PARAMETERS: Final = 200
"""Parameters of one Content-Type or Content-Disposition, continuations included (RFC 2231)."""

MAX_DEPTH: Final = 32
"""Multiparts within multiparts. Real mail nests below 10, and each level is one more search
through the same octets, so that this bounds the time, too."""

MAX_PARTS: Final = 1000
"""Parts of one message, all levels together. Digests reach a few hundred."""

MAX_FILENAME_BYTES: Final = 200
"""A file name that we write, in octets of UTF-8: file systems allow 255, and a number must fit."""

MAX_PREVIEW_SOURCE: Final = 65_536
"""Characters of a body that a preview is made from; a preview is short and HTML is verbose."""
