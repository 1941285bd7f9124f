"""Typed facts out of messages: orders, requests, deadlines, links, people, amounts, dates."""

from __future__ import annotations

from sage_mail.pipeline.extraction.extractor import Extractor
from sage_mail.pipeline.extraction.facts import (
    Analysis,
    Entities,
    Fact,
    Facts,
    OrderFacts,
    Part,
    SpamFacts,
    SupportFacts,
    UrgentFacts,
)
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary, load_vocabulary

__all__ = [
    "Analysis",
    "Entities",
    "Extractor",
    "Fact",
    "Facts",
    "OrderFacts",
    "Part",
    "Source",
    "SpamFacts",
    "SupportFacts",
    "UrgentFacts",
    "Vocabulary",
    "load_vocabulary",
]
