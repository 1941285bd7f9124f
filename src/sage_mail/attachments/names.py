"""What the name of a file gives away; pure, linear, and never a path to use."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from sage_mail.attachments.facts import Finding

__all__ = ["entry_suspicions", "extension", "is_unsafe_path", "suspicions"]

_LONGEST: Final = 1024

_TABLES: Final = tomllib.loads(
    files("sage_mail.attachments").joinpath("extensions.toml").read_text("utf-8")
)
_EXECUTABLES: Final = frozenset(_TABLES["executables"])
_SCRIPTS: Final = frozenset(_TABLES["scripts"])
_DANGEROUS: Final = _EXECUTABLES | _SCRIPTS
_MACROS: Final = frozenset(_TABLES["macros"])
_ARCHIVES: Final = frozenset(_TABLES["archives"])
_HARMLESS: Final = frozenset(_TABLES["harmless"])

# U+202A-202E and U+2066-2069 (UAX #9): "invoice\u202efdp.exe" is shown as "invoiceexe.pdf".
_OVERRIDES: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\\s]{1,64}")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SEPARATORS: Final = re.compile(r"[/\\]")


def extension(name: str) -> str:
    """The last extension in lower case, without its dot; empty where there is none.

    Dots and spaces at the end do not count: Windows drops them.
    """
    parts = _extensions(name)
    return parts[-1] if parts else ""


def suspicions(name: str) -> frozenset[Finding]:
    """What speaks against the name itself."""
    parts = _extensions(name)
    last = parts[-1] if parts else ""
    found = set()
    if _OVERRIDES.search(name):
        found.add(Finding.DIRECTION_OVERRIDE)
    if last in _EXECUTABLES:
        found.add(Finding.EXECUTABLE)
    if last in _SCRIPTS:
        found.add(Finding.SCRIPT)
    if last in _MACROS:
        found.add(Finding.MACROS)
    runs = last in _EXECUTABLES or last in _SCRIPTS or last in _MACROS or last in _ARCHIVES
    if len(parts) > 1 and runs and parts[-2] in _HARMLESS:
        found.add(Finding.DOUBLE_EXTENSION)
    return frozenset(found)


def entry_suspicions(name: str) -> Iterator[Finding]:
    """What speaks against the name of an entry of an archive."""
    if is_unsafe_path(name):
        yield Finding.UNSAFE_PATH
    if _OVERRIDES.search(name):
        yield Finding.DIRECTION_OVERRIDE
    last = extension(name)
    if last in _DANGEROUS:
        yield Finding.DANGEROUS_ENTRY
    if last in _ARCHIVES:
        yield Finding.NESTED_ARCHIVE


def is_unsafe_path(name: str) -> bool:
    """True if unpacking a file of this name could write outside the folder chosen for it."""
    parts = _SEPARATORS.split(name)
    return name[:1] in ("/", "\\") or bool(_DRIVE.match(name)) or ".." in parts or "\0" in name


def _extensions(name: str) -> list[str]:
    base = _SEPARATORS.split(name[-_LONGEST:])[-1]
    base = _INVISIBLE.sub("", base).rstrip(".").lower()
    return base.split(".")[1:]
