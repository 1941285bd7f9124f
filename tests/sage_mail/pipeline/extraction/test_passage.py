"""Texts that are looked into."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sage_mail.pipeline.extraction.facts import MOST_FACTS, Fact, TextFact
from sage_mail.pipeline.extraction.passage import best
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, passage, source


def _fact(value: str, confidence: float) -> TextFact:
    return passage(value).fact(TextFact, value, 0, len(value), confidence)


def test_the_surest_of_each_value_is_kept() -> None:
    """In the order in which they were seen, and not more than a list may hold."""
    facts = best([_fact("a", 0.5), _fact("b", 0.9), _fact("a", 0.8)])

    assert [(fact.value, fact.confidence) for fact in facts] == [("a", 0.8), ("b", 0.9)]
    assert len(best(_fact(str(number), 0.5) for number in range(100))) == MOST_FACTS


def test_a_fact_ends_where_its_text_ends() -> None:
    """Space at the end, and what was hidden there, is none of it."""
    fact = passage("See you.   \n").fact(TextFact, "See you.", 0, 12, 0.5)

    assert (fact.text, fact.end) == ("See you.", 8)


@given(st.text(max_size=60))
def test_each_character_keeps_its_place(text: str) -> None:
    """Whatever the letters, the lowered text is as long as the text."""
    assert len(passage(text).lowered) == len(text)


@settings(deadline=None)  # a busy machine is no finding
@given(st.lists(st.sampled_from(["Order", "#", "4711-A", "Total", ":", "5,00 EUR", "\n", " "])))
def test_facts_stand_where_they_say(words: list[str]) -> None:
    """The text of a fact is what stands in its part at its place."""
    text = " ".join(words)
    facts = EXTRACTOR.orders(source("Hello", text))
    found: list[Fact[Any]] = [*facts.order_numbers, *facts.amounts] if facts else []
    for fact in found:
        assert text[fact.start : fact.end] == fact.text
