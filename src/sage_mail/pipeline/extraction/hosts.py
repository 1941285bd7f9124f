"""Where web addresses lead, read as browsers read them, and what their hosts pretend to be.

What mail readers hand on is parsed by the rules of WHATWG (https://url.spec.whatwg.org), which
forgive more than RFC 3986: white space within, backslashes, missing slashes, letters of any width.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Set
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

__all__ = ["Target", "homograph", "is_ip_address", "read_target", "registered", "visible"]

_PLAIN: Final = re.compile(r"(https?|ftp)://([A-Za-z0-9.-]{1,255})(?=[/?#]|$)([^\s\\]*)")
# "Remove any leading and trailing C0 control or space", "remove all ASCII tab or newline".
_AROUND: Final = "".join(map(chr, range(0x21)))
_WITHIN: Final = str.maketrans("", "", "\t\n\r")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,20}):", re.IGNORECASE)
_SPECIAL: Final = frozenset({"http", "https", "ftp"})
_ACTIVE: Final = frozenset({"javascript", "data", "vbscript"})
_SLASHES: Final = re.compile(r"[/\\]*")
_AUTHORITY: Final = re.compile(r"[^/\\?#]{0,500}")
_PORT: Final = re.compile(r":\d{0,10}$")
# UTS 46 drops what nobody sees and takes the full stops of East Asia for dots.
_MAPPED: Final = str.maketrans(
    {
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"),
        **dict.fromkeys("\u3002\uff0e\uff61", "."),
    }
)
_FORBIDDEN: Final = frozenset(" #/:<>?@[\\]^|%")
_NUMERIC: Final = re.compile(r"\d{1,12}|0x[0-9a-f]{0,16}")
# Endings such as .co.uk under which names are given out.
_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "gob", "or", "ne"})
_COUNTRY: Final = 2
_MOST_LABELS: Final = 12

# Letters that look like Latin ones (a part of Unicode's confusables, UTS 39), by script.
_FOREIGN: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝӏвкмнтгьαονρτυικηω", "aeopcyxijsdhqwlbkmhtrbaovptuiknw"
)
# Letters of the Latin script itself that no language of domains has, and Turkish dotless i.
_PHONETIC: Final = frozenset("ɡɑɩʏʟɴʀɪꞇƅ")
_DOTLESS: Final = "ı"
# Scripts that are written together: UTS 39 section 5.2, highly restrictive.
_TOGETHER: Final = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
_SURE: Final = 0.9
_PERHAPS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Target:
    """Where an address leads: a ``host`` (lower case), what follows it, and how it is dressed up.

    ``active`` says that the address itself is a page or a program (``data:``, ``javascript:``) and
    has no host; ``named`` that a name stands before an ``@``; ``widened`` that its host is written
    with letters that only look like those that browsers make of them.
    """

    host: str
    rest: str = ""
    active: bool = False
    named: bool = False
    widened: bool = False


def read_target(address: str) -> Target | None:
    """Where a browser would go; None where it would not: to mail addresses, within the page."""
    if plain := _PLAIN.fullmatch(address):
        return Target(plain[2].lower().rstrip("."), plain[3])
    address = address.strip(_AROUND).translate(_WITHIN)
    scheme = _SCHEME.match(address)
    if scheme is None:
        # An address without a scheme is one of a host only after two slashes, of either kind.
        slashes = _SLASHES.match(address)
        return _after_slashes(address, 2) if slashes and len(slashes[0]) > 1 else None
    if scheme[1].lower() in _ACTIVE:
        return Target("", address[scheme.end() :], active=True)
    return _after_slashes(address, scheme.end()) if scheme[1].lower() in _SPECIAL else None


def _after_slashes(address: str, start: int) -> Target | None:
    slashes = _SLASHES.match(address, start)
    authority = _AUTHORITY.match(address, slashes.end() if slashes else start)
    if authority is None:
        return None
    name, at, host = authority[0].rpartition("@")
    host = _PORT.sub("", host)
    mapped = _mapped(host)
    if not mapped:
        return None
    return Target(
        mapped,
        address[authority.end() :],
        named=bool(at and name),
        widened=mapped.isascii() and not host.translate(_MAPPED).isascii(),
    )


def _mapped(host: str) -> str:
    """The host as UTS 46 maps it; empty where it is none."""
    if host.startswith("["):
        return host[1 : host.find("]")].lower() if "]" in host else ""
    if "%" in host:
        host = unquote(host, errors="replace")
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host.translate(_MAPPED))
    host = host.lower().strip(".")
    return host if _FORBIDDEN.isdisjoint(host) else ""


def visible(text: str) -> str:
    """What people see of a text: in lower case, without what has no width, widths made equal."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text.translate(_MAPPED)).lower()


def registered(host: str, shared: Set[str]) -> str:
    """The domain that somebody registered, as far as that can be told without the list of all.

    ``shared`` are domains under which each name is somebody else's, such as github.io.
    """
    labels = host.rsplit(".", _MOST_LABELS)
    for count in range(len(labels) - 1, 1, -1):
        if ".".join(labels[-count:]) in shared:
            return ".".join(labels[-count - 1 :])
    if len(labels) > _COUNTRY and len(labels[-1]) == _COUNTRY and labels[-2] in _SECOND_LEVEL:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])


def is_ip_address(host: str) -> bool:
    """Whether the host is an IP address, in any of the ways that browsers read: 0x7f000001 too."""
    last = host.rpartition(".")[2]
    if last.isalpha():
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _NUMERIC.fullmatch(last) is not None
    return True


def homograph(host: str) -> float:
    """How sure it is that the host is written with other letters to look Latin; 0.0 if not."""
    if host.isascii() and "xn--" not in host:
        return 0.0
    labels = [_decoded(label) for label in host.split(".", _MOST_LABELS) if label]
    # Names in another script are at home below an ending in that script.
    at_home = bool(labels) and labels[-1] is not None and not labels[-1].isascii()
    return max((_pretence(label, at_home=at_home) for label in labels), default=0.0)


def _decoded(label: str) -> str | None:
    """The label as it is shown, None where it says to be encoded and is not (RFC 3492)."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:64].encode("ascii").decode("punycode")
    except UnicodeError:
        return None


def _pretence(label: str | None, *, at_home: bool) -> float:
    if label is None:
        return _SURE
    if label.isascii():
        return 0.0
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in label if letter.isalpha()}
    if len(scripts) > 1 and not {script.split("-")[0] for script in scripts} <= _TOGETHER:
        return _SURE
    if scripts != {"LATIN"}:
        looks_latin = label.lower().translate(_FOREIGN).isascii()
        return _SURE if looks_latin and not at_home else 0.0
    if not _PHONETIC.isdisjoint(label):
        return _SURE
    return _PERHAPS if _DOTLESS in label and label.replace(_DOTLESS, "i").isascii() else 0.0
