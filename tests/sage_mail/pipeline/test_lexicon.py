"""Word lists, and finding their entries in a text."""

from __future__ import annotations

import pytest

from sage_mail.pipeline import Field
from sage_mail.pipeline.lexicon import Lexicon, Rule, WordListError, load_lexicon, load_model
from sage_mail.pipeline.stages.classify import TARGETS
from sage_mail.pipeline.text import wording


def _found(phrase: str, text: str) -> bool:
    lexicon = Lexicon([Rule("support", phrase, 1.0)])
    return [rule.phrase for rule in lexicon.matches(wording(text))] == [phrase]


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("bug", "A bug!"),
        ("bug", "BUG, bug and (bug)"),
        ("does not work", "It does\nnot -- work."),
        ("can't log in", "I can’t log in"),
        ("% off", "now 20% off"),
        ("order #", "your Order #12"),
        ("malfunction*", "several malfunctions"),
        ("größe", "welche GRÖßE?"),
        ("ログインできない", "アプリにログインできない。"),
    ],
)
def test_whole_words_are_found(phrase: str, text: str) -> None:
    """In any case, with anything but letters and digits around them, once."""
    assert _found(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("bug", "a debugged budget"),
        ("order", "in the border region"),
        ("does not work", "it does not always work"),
        ("malfunction*", "a male function"),
        ("deal", "ideal"),
    ],
)
def test_parts_of_words_are_not(phrase: str, text: str) -> None:
    """This is what files the wrong mail: "deal" must not find "ideal"."""
    assert not _found(phrase, text)


def test_a_lexicon_can_be_narrowed_to_some_targets() -> None:
    """The rules of other targets are not even looked for."""
    lexicon = Lexicon([Rule("spam", "win", 1.0), Rule("high", "now", 1.0)])
    matches = lexicon.only(frozenset({"high"})).matches(wording("win now"))
    assert [rule.target for rule in matches] == ["high"]


def test_text_counts_in_subject_and_body_and_more_in_the_subject() -> None:
    """A list for ``text`` serves both fields; the subject says more."""
    model = load_model()
    lexicon = load_lexicon(model, TARGETS, {"own.toml": '[support.text]\nfair = ["zwobble"]'})
    weights = {
        field: [rule.weight for rule in lexicon[field].matches(wording("my zwobble"))]
        for field in Field
    }
    assert weights[Field.BODY] == [model.strengths["fair"]]
    assert weights[Field.SUBJECT] == [model.strengths["fair"] * model.fields["subject"]]
    assert weights[Field.SENDER] == []


def test_an_entry_that_stands_in_two_lists_counts_once_and_by_the_stronger() -> None:
    """A user's list can raise the weight of a word of the package."""
    texts = {
        "one.toml": '[support.text]\nfaint = ["zwobble!"]',
        "two.toml": '[support.body]\nstrong = ["Zwobble"]',
    }
    model = load_model()
    lexicon = load_lexicon(model, TARGETS, texts)
    found = list(lexicon[Field.BODY].matches(wording("a zwobble")))
    assert [rule.weight for rule in found] == [model.strengths["strong"]]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[support.text", "own.toml: "),
        ('[suport.text]\nfair = ["x"]', "own.toml: there is no target 'suport'; known are"),
        ('[support.footer]\nfair = ["x"]', "own.toml: there is no field 'footer'; known are"),
        ('[support.text]\nmild = ["x"]', "own.toml: there is no strength 'mild'; known are"),
        ('[support.text]\nfair = ["..."]', "own.toml: '...' holds no word"),
        ('[support.text]\nfair = ["abc*"]', "own.toml: 'abc*' must be one word"),
        ('[support.text]\nfair = ["two words*"]', "own.toml: 'two words*' must be one word"),
        ('support = "x"', "own.toml: support must be a table"),
        ("[support]\ntext = 1", "own.toml: text must be a table"),
        ('[support.text]\nfair = "x"', "own.toml: fair must be a list of texts"),
        ("[support.text]\nfair = [1]", "own.toml: fair must be a list of texts"),
    ],
)
def test_a_wrong_list_is_refused_by_name(text: str, complaint: str) -> None:
    """The error says which list, what is wrong, and what would be right."""
    with pytest.raises(WordListError) as caught:
        load_lexicon(load_model(), TARGETS, {"own.toml": text})
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it"])
def test_the_package_speaks_several_languages(language: str) -> None:
    """Each of them has words for what people ask of a company."""
    complaints = {
        "en": "it does not work",
        "de": "das funktioniert nicht",
        "fr": "cela ne fonctionne pas",
        "es": "esto no funciona",
        "it": "questo non funziona",
    }
    lexicon = load_lexicon(load_model(), TARGETS, {})
    found = lexicon[Field.BODY].matches(wording(complaints[language]))
    assert "support" in {rule.target for rule in found}
