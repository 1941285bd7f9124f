"""Words are data, and users add to them."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from sage_mail.pipeline.extraction import Extractor, Source, load_vocabulary
from sage_mail.pipeline.extraction.vocabulary import TABLES, Vocabulary
from sage_mail.pipeline.lexicon import WordListError
from tests.sage_mail.pipeline.extraction.reading import passage


def test_the_lists_of_the_package_are_lists() -> None:
    """Each file of the package loads, and each table has words in English."""
    vocabulary = load_vocabulary()

    assert all(vocabulary.table(name) for name in TABLES)
    assert vocabulary.meanings("months")["märz"] == "3"


def test_no_word_stands_twice_in_a_list() -> None:
    """A word that is repeated would look as if it counted twice."""
    folder = resources.files("sage_mail.pipeline") / "words" / "extract"
    for entry in folder.iterdir():
        for table, keys in tomllib.loads(entry.read_text("utf-8"))["extract"].items():
            for key, words in keys.items():
                assert len(words) == len(set(words)), (entry.name, table, key)


def test_users_add_words() -> None:
    """A list of one's own names orders in Finnish; the classifier's words may stand beside."""
    own = '[support.text]\nfair = ["rikki"]\n[extract.identifiers]\norder = ["Tilaus"]\n'
    text = Source.of_text("Tilaus nro: 4711-22")

    assert Extractor(load_vocabulary()).orders(text) is None
    facts = Extractor(
        load_vocabulary({"fi.toml": own + '[extract.numbers]\nword = ["nro"]'})
    ).orders(text)
    assert facts is not None
    assert facts.order_numbers[0].value == "4711-22"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 1", "fi.toml: "),
        ("extract = 1", "extract must be a table"),
        ("[extract.colours]\nred = []", "no table extract.colours"),
        ("[extract.amounts]\nbig = ['x']", "has no 'big'"),
        ("[extract.amounts]\ntotal = 'x'", "must be a list of texts"),
        ("[extract.amounts]\ntotal = [1]", "must be a list of texts"),
        ("[extract.amounts]\ntotal = [' ']", "holds an empty text"),
        ("[extract]\namounts = 1", "amounts must be a table"),
    ],
)
def test_a_list_that_is_none_is_named(text: str, said: str) -> None:
    """The error names the file and the place."""
    with pytest.raises(WordListError, match=r"fi\.toml") as raised:
        load_vocabulary({"fi.toml": text})

    assert said in str(raised.value)


def test_phrases_are_whole_words_and_the_longest_wins() -> None:
    """ "Reorder" holds no order, and an order number is no mere order."""
    words = {"order": ("order",), "ticket": ("order number",), "invoice": ("№",)}
    phrases = Vocabulary({"identifiers": words}).phrases("identifiers")

    found = phrases.find(passage("Reorder: Order\nnumber № 5, order"))

    assert [(hit.key, hit.phrase) for hit in found] == [
        ("ticket", "order number"),
        ("invoice", "№"),
        ("order", "order"),
    ]
    assert phrases.keys(passage("an order")) == {"order"}


def test_places_stay_where_they_are() -> None:
    """Letters that grow when they become small, and links, move nothing."""
    text = passage("İİİ https://a.example/order Order 4711")

    assert len(text.lowered) == len(text.text)
    (hit,) = Vocabulary({"amounts": {"total": ("order",)}}).phrases("amounts").find(text)
    assert text.text[hit.start : hit.end] == "Order"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[extract.currencies]\nNOTACODE = ["zz"]', "extract.currencies has 'NOTACODE'"),
        ('[extract.currencies]\n"€€€" = ["§"]', "which is not a code of ISO 4217 such as EUR"),
        ('[extract.currencies]\neur = ["§"]', "extract.currencies has 'eur'"),
        ('[extract.currencies]\nEUR = ["1"]', "extract.currencies.EUR must hold no digits"),
        ('[extract.subunits]\nEUR = ["c2"]', "extract.subunits.EUR must hold no digits"),
        ('[extract.language]\nFinnish = ["ja"]', "which is not a code of ISO 639 such as en"),
    ],
)
def test_codes_are_codes(text: str, said: str) -> None:
    """A currency or language that nobody would know is refused with its place."""
    with pytest.raises(WordListError, match=said) as refused:
        load_vocabulary({"my.toml": text})

    assert "my.toml" in str(refused.value)
