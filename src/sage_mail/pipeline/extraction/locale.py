"""How numbers and names of a mail are meant where it leaves that open: by language and sender.

1/2/2026 is the first of February, but in mail from America. What tells: the language of the text,
the country in the sender's domain, and the zone of the Date field.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sage_mail.pipeline.extraction.dates import Hint
from sage_mail.pipeline.extraction.language import Languages
from sage_mail.pipeline.extraction.source import Source

__all__ = ["Locale"]

# Two letters that are no country, or another one's in practice.
_REGIONS: Final = {"uk": "GB", "eu": "", "io": "", "tv": "", "ai": "", "me": "", "co": ""}
_BY_LANGUAGE: Final = {
    "de": "DE", "fr": "FR", "es": "ES", "it": "IT", "nl": "NL", "pt": "PT", "pl": "PL",
    "ja": "JP", "ko": "KR", "zh": "CN", "ru": "RU", "uk": "UA", "en": "US",
}  # fmt: skip
_MONTH_FIRST: Final = frozenset({"US", "PH"})


class Locale:
    """Reads language, region and the order of dates from a message."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    def language(self, source: Source) -> tuple[str, float] | None:
        """The language of what the writer wrote, and how sure that is; else of all that is said."""
        return source.remember("language", lambda: self._language(source))

    def _language(self, source: Source) -> tuple[str, float] | None:
        for passage in (*source.written, *source.bodies, source.subject):
            found = self._languages.detect(passage)
            if found is not None:
                return found
        return None

    def region(self, source: Source) -> str:
        """The ISO 3166 code of the country whose customs apply, by sender and language."""
        return source.remember("region", lambda: self._region(source))

    def _region(self, source: Source) -> str:
        domain = source.sender_host.rpartition(".")[2]
        known = _REGIONS.get(domain, domain.upper() if len(domain) == 2 else "")
        if known:
            return known
        language = self.language(source)
        region = _BY_LANGUAGE.get(language[0], "") if language else ""
        if region == "US" and _offset(source.sent) > timedelta():
            # Nobody east of Greenwich writes the month first.
            return "GB"
        return region

    def hint(self, source: Source, *, ahead: bool = False) -> Hint:
        """How open dates of the message are closed; *ahead*: they lie in the future."""
        day_first = self.region(source) not in _MONTH_FIRST
        sent = source.sent
        base = sent or datetime.fromtimestamp(0, UTC)
        return Hint(base, day_first=day_first, ahead=ahead, known=sent is not None)


def _offset(sent: datetime | None) -> timedelta:
    return (sent.utcoffset() if sent else None) or timedelta()
