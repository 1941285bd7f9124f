"""The kinds of values that settings have, checked where they are read."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field

from sage_mail.secrets import SecretSource
from sage_mail.settings_problems import nearest

__all__ = [
    "TABLE",
    "Categories",
    "Distinct",
    "FilePath",
    "KeyringEntry",
    "Name",
    "Origin",
    "Seconds",
    "WebAddress",
    "at_most_one",
    "base_directory",
    "known_categories",
]

_CATEGORIES = frozenset(
    {"support", "sales", "marketing", "spam", "newsletter", "personal", "urgent", "general"}
)

base_directory: ContextVar[Path | None] = ContextVar("base_directory", default=None)
"""Where relative paths begin while settings are read."""


def _anchored(path: Path) -> Path:
    base = base_directory.get()
    path = path.expanduser()
    return base / path if base is not None else path


def _keyring_entry(entry: str) -> str:
    service, _, user = entry.rpartition("/")
    if not service or not user:
        raise ValueError("is not an entry of the keyring; write service/user")
    return entry


def _known_category_names(names: list[str]) -> list[str]:
    known_categories(dict.fromkeys(names, ""))
    return names


def known_categories(folders: dict[str, str]) -> dict[str, str]:
    """*folders* by category, without the empty ones; raises ValueError for no category."""
    for category in folders:
        if category not in _CATEGORIES:
            raise ValueError(
                f"has an unknown category {category!r}{nearest(category, _CATEGORIES)}; "
                f"known are {', '.join(sorted(_CATEGORIES))}"
            )
    return {category: folder for category, folder in folders.items() if folder}


def at_most_one(source: SecretSource) -> None:
    """Raise ValueError where a secret is to come from two places."""
    if len(source.given) > 1:
        raise ValueError(f"has both {' and '.join(source.given)}; keep one of them")


def _unique(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("names something twice; remove the repetition")
    return names


def _http_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if (
        not usable
        or not _is_understood(url)
        or any(not ch.isprintable() or ch == " " for ch in url)
    ):
        raise ValueError("is not a web address; write https://host/path")
    return url


def _is_understood(url: str) -> bool:
    """Whether what posts to the address can read it: ``http://0177.0.0.1/`` it cannot."""
    import httpx  # imported late, for those who have a webhook

    try:
        return bool(httpx.URL(url).host)
    except (httpx.InvalidURL, UnicodeError):  # the latter for names that IDNA does not have
        return False


def _origin(origin: str) -> str:
    parts = urlsplit(_http_url(origin))
    if origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin:
        raise ValueError("is not an origin; write https://host or https://host:port, nothing more")
    return origin.lower()


Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.@+ -]+$")]
FilePath = Annotated[Path, AfterValidator(_anchored)]
KeyringEntry = Annotated[str, AfterValidator(_keyring_entry)]
Distinct = Annotated[list[str], AfterValidator(_unique)]
WebAddress = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Categories = Annotated[list[str], AfterValidator(_known_category_names)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
TABLE: Final = ConfigDict(
    extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True
)
"""How the tables of the settings are read: what they do not know is an error."""
