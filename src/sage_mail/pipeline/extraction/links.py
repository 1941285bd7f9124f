"""The links of a message, and those that are not what they seem.

Looked at as text alone: nothing is resolved and nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sage_mail.pipeline.extraction.facts import Link, LinkFact, LinkFinding, Part
from sage_mail.pipeline.extraction.hosts import (
    Target,
    homograph,
    is_ip_address,
    read_target,
    registered,
    visible,
)
from sage_mail.pipeline.extraction.passage import Passage, best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Links", "Url"]

# Capitals by hand: twice as fast as re.IGNORECASE.
_URL: Final = re.compile(
    r"(?:[Hh][Tt]{2}[Pp][Ss]?|[Ff][Tt][Pp])://[^\s<>\"'\u00ab\u00bb]{3,2000}"
    r"|(?:www|WWW)\.[^\s<>\"']{4,500}"
)
_TRAILING: Final = ".,;:!?)]}*_"
_URL_LIMIT: Final = 500
_MOST_URLS: Final = 500
_SHOWN_LIMIT: Final = 200
_DOMAIN: Final = r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"
# What a link shows as its address: a domain, perhaps with a path, and nothing else.
_SHOWN_ALONE: Final = re.compile(rf"({_DOMAIN})(?:[:/?#]\S{{0,300}})?")
# What is an address even among words: what begins as one.
_SHOWN_AMONG: Final = re.compile(rf"(?:https?://(?:[^\s/?#@]{{1,80}}@)?|www\.)({_DOMAIN})")
_TOP_LEVEL: Final = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9-]{2,40}")


@dataclass(frozen=True, slots=True)
class Url:
    """A link: its address, what it shows if it is one of HTML, and where it stands in a text."""

    url: str
    target: Target
    shown: str | None
    passage: Passage | None = None
    start: int = 0


class Links:
    """Finds links and what is wrong with them by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._shorteners = vocabulary.words("hosts", "shortener")
        self._shared = vocabulary.words("hosts", "shared")

    def find(self, source: Source) -> list[Url]:
        """The links of the texts and of the HTML body, in their order."""
        return source.remember("links", lambda: _found(source))

    def count(self, urls: Iterable[Url]) -> int:
        """How many links there are; what the HTML body shows or says again counts once."""
        links, texts = [], set()
        for url in urls:
            if url.passage is None:
                links.append(url)
            else:
                texts.add(url.url)
        for link in links:
            texts.discard(link.url)
            texts.difference_update(_addresses(link.shown or ""))
        return len(links) + len(texts)

    def suspicious(self, urls: Iterable[Url]) -> tuple[LinkFact, ...]:
        """The links that deserve distrust, each once, with the reasons."""
        return best(fact for url in urls if (fact := self._judged(url)) is not None)

    def _judged(self, url: Url) -> LinkFact | None:
        found = self._findings(url)
        if not found:
            return None
        sure = max(found.values())
        host = url.target.host
        link = Link(url=url.url, host=host, shown=url.shown or None, findings=tuple(found))
        if url.passage is None:
            text = (url.shown or url.url)[:_SHOWN_LIMIT]
            return LinkFact(value=link, confidence=sure, part=Part.HTML, text=text)
        return url.passage.fact(LinkFact, link, url.start, url.start + len(url.url), sure)

    def _findings(self, url: Url) -> dict[LinkFinding, float]:
        """What is wrong with a link, and how sure that is."""
        target = url.target
        return {
            finding: sure
            for finding, sure in (
                (LinkFinding.SCRIPT, 0.8 * target.active),
                (LinkFinding.IP_HOST, 0.9 * is_ip_address(target.host)),
                (LinkFinding.HOMOGRAPH, 0.9 if target.widened else homograph(target.host)),
                (LinkFinding.SHORTENER, 0.95 * self._shortens(target.host)),
                (LinkFinding.CREDENTIALS, 0.8 * target.named),
                (LinkFinding.MISMATCH, self._mismatch(url)),
            )
            if sure
        }

    def _shortens(self, host: str) -> bool:
        return host in self._shorteners or registered(host, self._shared) in self._shorteners

    def _mismatch(self, url: Url) -> float:
        """How sure it is that the link shows one domain and leads to another; 0.0 if not."""
        shown = visible(url.shown or "").strip()
        if "." not in shown:
            return 0.0
        target = registered(url.target.host, self._shared)
        said = [registered(host, self._shared) for host in _hosts(_SHOWN_AMONG, shown)]
        if not said:
            # "invoice.pdf" and "node.js" look like domains as well.
            alone = _SHOWN_ALONE.fullmatch(shown)
            host = alone[1] if alone and _is_host(alone[1]) else None
            return 0.4 if host and registered(host, self._shared) != target else 0.0
        if all(domain == target for domain in said):
            return 0.0
        # Newsletters count clicks: the address behind carries the one shown, after its host.
        rest = url.target.rest.lower()
        return 0.5 if target in said or any(domain in rest for domain in said) else 0.85


def _found(source: Source) -> list[Url]:
    found = [url for passage in source.passages for url in _in_text(passage)]
    if source.document is not None:
        for anchor in source.document.links:
            address = anchor.href[:_URL_LIMIT]
            target = read_target(address)
            if target is not None:
                found.append(Url(address, target, anchor.shown[:_SHOWN_LIMIT]))
    return found


def _in_text(passage: Passage) -> Iterator[Url]:
    for count, (address, start) in enumerate(_written(passage.text)):
        if count == _MOST_URLS:
            return
        target = read_target(address if "://" in address else f"http://{address}")
        if target is not None:
            yield Url(address, target, None, passage, start)


def _written(text: str) -> Iterator[tuple[str, int]]:
    """The addresses that are written in a text, and where."""
    if "://" in text or "www." in text or "WWW." in text:
        for found in _URL.finditer(text):
            yield found[0].rstrip(_TRAILING)[:_URL_LIMIT], found.start()


def _addresses(text: str) -> set[str]:
    return {address for address, _ in _written(text)}


def _hosts(pattern: re.Pattern[str], text: str) -> list[str]:
    return [found[1] for found in pattern.finditer(text) if _is_host(found[1])]


def _is_host(name: str) -> bool:
    return _TOP_LEVEL.fullmatch(name.rpartition(".")[2]) is not None
