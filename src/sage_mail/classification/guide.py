"""The guide's rules: the first list of which a word stands anywhere in the text decides.

They are for the classes that promise the guide's results. Substrings hit much that was never meant
("helpful" is support, "in order to" is sales); the system itself goes by
`sage_mail.classification.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sage_mail.classification.protocol import Classification
from sage_mail.pipeline.decision import Category, Field, Reason

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["CONFIDENCE", "SUBSTRINGS", "GuideRules"]

CONFIDENCE: Final = 0.8
# In the guide's order, on which the result depends.
SUBSTRINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "support": ("support", "help", "issue", "problem", "bug"),
    "sales": ("order", "purchase", "buy", "sale", "price"),
    "marketing": ("offer", "deal", "discount", "promotion"),
    "urgent": ("urgent", "asap", "immediate", "critical"),
    "spam": ("lottery", "winner", "free money", "inheritance"),
    "newsletter": ("newsletter", "unsubscribe", "mailing list"),
}

# The guide reads all of a body; one of many megabytes must not hold up a thread for it.
_MOST_CHARACTERS: Final = 200_000
_TAG: Final = re.compile(r"<[^<>]*>")
_SPACES: Final = re.compile(r"\s+")
_SPECIAL: Final = re.compile(r"[^\w\s]")


class GuideRules:
    """The guide's substrings with its constant confidence of 0.8."""

    name = "guide"
    labels = tuple(str(category) for category in Category)

    def classify(self, message: EmailMessage) -> Classification:
        """The category of the first list that matches, general where none does."""
        return self.classify_text(f"{message.subject} {message.plain_body[:_MOST_CHARACTERS]}")

    def classify_text(self, text: str) -> Classification:
        """The category of a text, and the substring that decided it as the reason."""
        lowered = self.clean_text(text).lower()
        for category, substrings in SUBSTRINGS.items():
            for substring in substrings:
                if substring in lowered:
                    reason = Reason(category, substring, Field.BODY, 1.0)
                    return Classification(category, CONFIDENCE, {category: CONFIDENCE}, (reason,))
        return Classification("general", CONFIDENCE, {"general": CONFIDENCE})

    @staticmethod
    def clean_text(text: str) -> str:
        """The text without tags and special characters, with single spaces."""
        return _SPECIAL.sub("", _SPACES.sub(" ", _TAG.sub("", text))).strip()
