"""Language, tone and keywords."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sage_mail.pipeline.extraction import Source
from sage_mail.pipeline.extraction.locale import Locale
from tests.sage_mail.pipeline.drafts import mail
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _language(text: str) -> str | None:
    found = EXTRACTOR.locale.language(Source.of_text(text))
    return found[0] if found else None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We would like to know when the parcel will be here.", "en"),
        ("Wir möchten gern wissen, wann das Paket ankommt.", "de"),
        ("Nous voudrions savoir quand le colis arrive chez nous.", "fr"),
        ("Nos gustaría saber cuándo llega el paquete a la oficina.", "es"),
        ("Vorremmo sapere quando arriva il pacco e chi lo porta.", "it"),
        ("Wij willen graag weten wanneer het pakket er is.", "nl"),
        ("Gostaríamos de saber quando a encomenda não chega.", "pt"),
        ("Chcemy wiedzieć, czy paczka jest już u nas i nie dalej.", "pl"),
        ("Привет, как дела", "ru"),
        ("Привіт, як справи", "uk"),
        ("こんにちは世界", "ja"),
        ("你好世界", "zh"),
        ("안녕하세요", "ko"),
        ("Γεια σας", "el"),
        ("4711 0815", None),
        ("", None),
        ("🎉🎉🎉", None),
    ],
)
def test_the_language_is_told(text: str, language: str | None) -> None:
    """By function words, or by a script; or not at all."""
    assert _language(text) == language


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Thank you so much, this is great!", "positive"),
        ("This is not good at all.", "negative"),
        ("I am very disappointed, the lamp is broken.", "negative"),
        ("Vielen Dank, das ist wirklich toll!", "positive"),
        ("Das Gerät ist leider schon wieder kaputt.", "negative"),
        ("Das war nicht schlecht.", "positive"),
        ("The meeting is at noon in the second room.", "neutral"),
        ("", "neutral"),
    ],
)
def test_the_tone_is_told(text: str, label: str) -> None:
    """By words with a sign, turned by negations."""
    assert EXTRACTOR.tone(Source.of_text(text)).value.label == label


def test_keywords_are_the_words_of_the_matter() -> None:
    """Those of the subject first; function words, greetings and links are none."""
    text = "Dear Ada,\nthe printer prints blank pages. The driver of the printer is new.\nhttps://x.example/abcdefgh"
    facts = EXTRACTOR.keywords(source("Printer broken", text))

    assert facts[0].value == "printer"
    words = {fact.value for fact in facts}
    assert {"broken", "driver", "pages"} <= words
    assert words.isdisjoint({"dear", "abcdefgh", "https"})
    assert EXTRACTOR.keywords(source("", "\n")) == ()


def test_the_analysis_of_a_mail() -> None:
    """All of it together, ready for JSON."""
    facts = EXTRACTOR.analysis(source("Lamp", "The lamp costs 5 EUR and it is the best of all."))

    assert facts.language is not None
    assert facts.language.value == "en"
    assert facts.entities.money[0].value.currency == "EUR"
    assert '"amount":"5"' in facts.model_dump_json()
    assert EXTRACTOR.analysis(source("", "\n")).language is None


@pytest.mark.parametrize(
    ("sender", "zone", "text", "region"),
    [
        ("a@firma.de", "+0100", "the word", "DE"),
        ("a@shop.co.uk", "+0000", "the word", "GB"),
        ("a@shop.com", "-0500", "the word of it", "US"),
        ("a@shop.com", "+0530", "the word of it", "GB"),
        ("a@shop.com", "+0100", "das Wort und die Sache", "DE"),
        ("a@shop.com", "+0100", "4711", ""),
    ],
)
def test_customs_follow_sender_and_language(sender: str, zone: str, text: str, region: str) -> None:
    """The country of the domain, else the language, else nothing."""
    message = mail("", text, sender=sender, headers={"Date": f"Mon, 23 Nov 2026 10:00:00 {zone}"})

    assert EXTRACTOR.locale.region(Source.of_message(message)) == region
    assert isinstance(EXTRACTOR.locale, Locale)


@pytest.mark.parametrize("text", ["Die in the", "Hallo, the server"])
def test_a_tie_of_languages_is_none(text: str) -> None:
    """What two languages say alike is neither's, whatever the order of sets is."""
    assert EXTRACTOR.locale.language(source("", text)) is None


def test_languages_do_not_depend_on_the_order_of_sets() -> None:
    """Processes with other seeds of hashes say the same."""
    program = (
        "from sage_mail.pipeline.extraction import *\n"
        "x = Extractor(load_vocabulary())\n"
        "texts = ('Die in the', 'Per favor note', 'Problem with server', 'Hallo, the server')\n"
        "print([x.locale.language(Source.of_text(text)) for text in texts])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }

    assert len(told) == 1
