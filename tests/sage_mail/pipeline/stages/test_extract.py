"""The stages of extraction in a pipeline."""

from __future__ import annotations

import json

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline import Category, Context, Decision, Pipeline, default_pipeline
from sage_mail.pipeline.extraction import Extractor, Facts, Source
from sage_mail.pipeline.extraction.dates import Calendar, Hint, When
from sage_mail.pipeline.extraction.orders import Orders
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.urgent import Urgent
from sage_mail.pipeline.stages.extract import Extract, extraction_stages
from tests.sage_mail.pipeline.drafts import Policy, mail
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, VOCABULARY, sent

_STAGES = extraction_stages(EXTRACTOR)


def _decided(message: EmailMessage, category: Category) -> Decision:
    return Pipeline(_STAGES).decide(message, Context(decision=Decision(category=category)))


def test_a_request_gets_support_facts_and_a_deadline() -> None:
    """What it makes sense for, and nothing of an order."""
    message = sent("Ticket #4711", "The lamp is dark. Please repair it by Friday.")

    assert set(_decided(message, Category.SUPPORT).extracted) == {"support", "urgent", "analysis"}


def test_an_advertisement_is_due_for_nobody() -> None:
    """What was sent to many has no deadlines and is no request."""
    message = sent("Last chance", "Order by Friday: http://shop.example")

    assert set(_decided(message, Category.MARKETING).extracted) == {"spam", "analysis"}


def test_facts_go_to_json() -> None:
    """Each with value, confidence, part, text and place; what is empty is left out."""
    decided = _decided(sent("Your order #4711-A", "Total: 5,00 EUR\n"), Category.SALES)
    order = json.loads(json.dumps(decided.as_json()))["extracted"]["order"]

    assert order["order_numbers"] == [
        {
            "value": "4711-A",
            "confidence": 0.9,
            "part": "subject",
            "text": "4711-A",
            "start": 12,
            "end": 18,
        }
    ]
    assert order["total"]["value"] == {"amount": "5.00", "currency": "EUR"}
    assert "tax" not in order


def test_a_failure_costs_one_kind_only() -> None:
    """The stage is named, and the others give their facts."""

    def broken(_source: Source) -> Facts | None:
        raise ValueError("no")

    stages = [Extract("order", broken, lambda _: True), *_STAGES[2:]]
    decided = Pipeline(stages).decide(sent("Hello", "Please answer by Friday."))

    assert set(decided.errors) == {"extract order"}
    assert {"urgent", "analysis"} <= set(decided.extracted)


def test_texts_are_prepared_once_for_a_message_and_never_for_another() -> None:
    """The stages share one source; the next message has its own, even in the same context."""
    seen: list[Source] = []

    def watching(source: Source) -> Facts | None:
        seen.append(source)
        return None

    pipeline = Pipeline([Extract(key, watching, lambda _: True) for key in ("one", "two")])
    context = Context()
    for subject in ("a", "b"):
        pipeline.decide(mail(subject, "Text"), context)

    assert seen[0] is seen[1]
    assert seen[2] is seen[3]
    assert seen[0] is not seen[2]


def test_the_standard_pipeline_extracts_with_the_users_words() -> None:
    """One list serves the classifier and extraction."""
    own = {
        "fi.toml": '[extract.identifiers]\norder = ["tilaus"]\n[sales.text]\nstrong = ["tilaus"]\n'
    }
    message = mail("Hei", "Tilaus: 4711-22")

    assert "order" not in default_pipeline(Policy()).decide(message).extracted
    decided = default_pipeline(Policy(), word_lists=own).decide(message)
    assert "order" in decided.extracted


def test_a_kind_of_fact_that_fails_costs_itself() -> None:
    """Without its calendar a stage gives what needs none, and the error is recorded by name."""

    class Broken(Calendar):
        def find(self, passage: Passage, hint: Hint) -> list[When]:
            raise OverflowError("no such day")

    extractor = Extractor(VOCABULARY)
    broken = Broken(VOCABULARY)
    extractor.calendar = broken
    orders = Orders(VOCABULARY, broken, extractor.locale)
    urgent = Urgent(VOCABULARY, broken, extractor.locale)
    stages = (
        Extract("order", orders.read, lambda _: True),
        Extract("urgent", urgent.read, lambda _: True),
        Extract("analysis", extractor.analysis, lambda _: True),
    )
    message = sent("Order #4711-22", "Order date: 2026-11-20. Please answer by Friday. Total 5 EUR")
    decided = Pipeline(stages).decide(message)

    assert decided.errors == {
        "extract dates of orders": "OverflowError: no such day",
        "extract deadlines": "OverflowError: no such day",
        "extract dates": "OverflowError: no such day",
    }
    extracted = json.loads(json.dumps(decided.as_json()))["extracted"]
    assert extracted["order"]["order_numbers"][0]["value"] == "4711-22"
    assert extracted["order"]["total"]["value"]["amount"] == "5"
    assert extracted["urgent"]["actions"] != []
    assert extracted["analysis"]["entities"]["money"] != []
