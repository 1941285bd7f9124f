"""The links of a message, and those that are not what they seem.

Looked at as text alone: nothing is resolved and nothing is asked.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sage_mail.pipeline.extraction.facts import Link, LinkFact, LinkFinding, Part
from sage_mail.pipeline.extraction.passage import Passage, best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Links", "Url"]

_URL: Final = re.compile(r"(?:https?|ftp)://[^\s<>\"'\u00ab\u00bb]{3,2000}|www\.[^\s<>\"']{4,500}")
_TRAILING: Final = ".,;:!?)]}*_"
_URL_LIMIT: Final = 500
_MOST_URLS: Final = 500
_SHOWN_LIMIT: Final = 200
# What a link shows as its address: a domain, perhaps with a path, and nothing else.
_SHOWN_HOST: Final = re.compile(
    r"(?:https?://)?(?:www\.)?([\w-]{1,63}(?:\.[\w-]{1,63}){1,6})(?:[:/?#]\S{0,300})?", re.ASCII
)
_TOP_LEVEL: Final = re.compile(r"[a-z]{2,24}|xn--[a-z0-9-]{2,40}")
# Endings such as .co.uk under which names are given out.
_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "gob", "or", "ne"})
_COUNTRY: Final = 2
# Letters of other scripts that look like Latin ones (a part of Unicode's confusables, UTS 39).
_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝӏвкмнтгαονρτυικуßıɡ",
    "aeopcyxijsdhqwlbkmhtrаovptuikyvig".replace("а", "a"),
)


@dataclass(frozen=True, slots=True)
class Url:
    """A link: its address, what it shows if it is one of HTML, and where it stands in a text."""

    url: str
    host: str
    shown: str | None
    passage: Passage | None = None
    start: int = 0


class Links:
    """Finds links and what is wrong with them by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._shorteners = vocabulary.words("hosts", "shortener")

    def find(self, source: Source) -> list[Url]:
        """The links of the texts and of the HTML body, in their order."""
        return source.remember("links", lambda: _found(source))

    def suspicious(self, urls: Iterable[Url]) -> tuple[LinkFact, ...]:
        """The links that deserve distrust, each once, with the reasons."""
        return best(fact for url in urls if (fact := self._judged(url)) is not None)

    def _judged(self, url: Url) -> LinkFact | None:
        found: dict[LinkFinding, float] = {}
        if _is_address(url.host):
            found[LinkFinding.IP_HOST] = 0.9
        if _is_homograph(url.host):
            found[LinkFinding.HOMOGRAPH] = 0.9
        if _registered(url.host) in self._shorteners or url.host in self._shorteners:
            found[LinkFinding.SHORTENER] = 0.95
        if "@" in url.url.partition("://")[2].partition("/")[0]:
            found[LinkFinding.CREDENTIALS] = 0.8
        if confidence := _mismatch(url):
            found[LinkFinding.MISMATCH] = confidence
        if not found:
            return None
        link = Link(url=url.url, host=url.host, shown=url.shown or None, findings=tuple(found))
        if url.passage is None:
            text = (url.shown or url.url)[:_SHOWN_LIMIT]
            return LinkFact(value=link, confidence=max(found.values()), part=Part.HTML, text=text)
        end = url.start + len(url.url)
        return url.passage.fact(LinkFact, link, url.start, end, max(found.values()))


def _found(source: Source) -> list[Url]:
    found = [url for passage in source.passages for url in _in_text(passage)]
    if source.document is not None:
        found.extend(
            Url(anchor.href[:_URL_LIMIT], host, anchor.shown[:_SHOWN_LIMIT])
            for anchor in source.document.links
            if (host := _host(anchor.href[:_URL_LIMIT]))
        )
    return found


def _in_text(passage: Passage) -> Iterator[Url]:
    if "://" not in passage.text and "www." not in passage.text:
        return
    for count, found in enumerate(_URL.finditer(passage.text)):
        if count == _MOST_URLS:
            return
        address = found[0].rstrip(_TRAILING)[:_URL_LIMIT]
        host = _host(address if "://" in address else f"http://{address}")
        if host:
            yield Url(address, host, None, passage, found.start())


def _host(url: str) -> str:
    """The host of a web address in lower case, empty where it has none."""
    if not url[:8].lower().startswith(("http:", "https:", "ftp:")):
        return ""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    """Whether the host is an IP address, in any of the ways that browsers read: 0x7f000001 too."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return bool(re.fullmatch(r"\d{1,12}|0x[0-9a-f]{1,16}", last))
    return True


def _is_homograph(host: str) -> bool:
    """Whether the host is written with letters of another script so that it looks Latin."""
    return any(_looks_latin(label) for label in host.split(".") if label)


def _looks_latin(label: str) -> bool:
    if label.startswith("xn--"):
        try:
            label = label[4:64].encode("ascii").decode("punycode")
        except UnicodeError:
            return True
    if label.isascii():
        return False
    scripts = {
        unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha()
    }
    mixed = "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK"})
    return mixed or (scripts != {"LATIN"} and label.lower().translate(_LOOK_ALIKES).isascii())


def _mismatch(url: Url) -> float:
    """How sure it is that the link shows one domain and leads to another; 0.0 where it does not."""
    shown = _SHOWN_HOST.fullmatch((url.shown or "").strip().lower())
    if shown is None or not _TOP_LEVEL.fullmatch(shown[1].rpartition(".")[2]):
        return 0.0
    said = _registered(shown[1])
    if said == _registered(url.host):
        return 0.0
    if "://" not in (url.shown or "") and not (url.shown or "").lower().startswith("www."):
        # "invoice.pdf" and "node.js" look like domains as well.
        return 0.4
    # Newsletters count clicks: the address behind carries the one shown.
    return 0.5 if said in url.url.lower() else 0.85


def _registered(host: str) -> str:
    """The domain that somebody registered, as far as that can be told without the list of all."""
    labels = host.split(".")
    if len(labels) > _COUNTRY and len(labels[-1]) == _COUNTRY and labels[-2] in _SECOND_LEVEL:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])
