"""Rules behind the common protocol: the system's own and the guide's."""

from __future__ import annotations

import pytest

from sage_mail.classification import Classifier
from sage_mail.classification.guide import GuideRules
from sage_mail.classification.rules import SystemRules
from sage_mail.classification.spam_view import SpamView, spam_or_ham
from sage_mail.pipeline import default_pipeline
from tests.sage_mail.pipeline.drafts import Policy, mail


@pytest.fixture(scope="module")
def rules() -> SystemRules:
    return SystemRules()


def test_the_rules_say_what_the_pipeline_says(rules: SystemRules) -> None:
    """They are the same rules."""
    message = mail("Bug report", "It does not work.")
    decision = default_pipeline(Policy()).decide(message)
    said = rules.classify(message)
    assert (said.category, said.confidence) == (decision.category, decision.confidence)
    assert said.reasons == decision.reasons
    assert set(said.scores) == set(rules.labels)


def test_words_of_the_user_count() -> None:
    """A further list adds to those of the package."""
    own = SystemRules({"mine.toml": '[sales.text]\ndecisive = ["frobnicator"]\n'})
    assert own.classify(mail("The frobnicator", "frobnicator")).category == "sales"


@pytest.mark.parametrize(
    ("text", "category", "because"),
    [
        ("A helpful price", "support", "help"),
        ("in order to critical", "sales", "order"),
        ("Ein DISCOUNT, asap", "marketing", "discount"),
        ("asap lottery", "urgent", "asap"),
        ("You won free money", "spam", "free money"),
        ("our mailing   list", "newsletter", "mailing list"),
        ("free <b>money</b>", "spam", "free money"),
        ("Hello", "general", None),
        ("", "general", None),
    ],
)
def test_the_guides_substrings(text: str, category: str, because: str | None) -> None:
    """The first list that matches decides, wherever the substring stands."""
    said = GuideRules().classify_text(text)
    assert (said.category, said.confidence) == (category, 0.8)
    assert [reason.rule for reason in said.reasons] == ([because] if because else [])


def test_the_guides_rules_read_subject_and_body() -> None:
    """As the guide joins them."""
    rules: Classifier = GuideRules()
    assert rules.classify(mail("x", "an ISSUE")).category == "support"
    assert rules.classify(mail("issue", "x")).category == "support"
    assert GuideRules.clean_text("<p>a  b!</p>") == "a b"
    assert rules.classify(mail("x", "<" * 2_000_000)).category == "general"


def test_any_classifier_as_one_of_spam(rules: SystemRules) -> None:
    """All that is not spam is ham, and so is its probability."""
    view = SpamView(rules)
    spam = view.classify(mail("Hi", "You have won the lottery! Claim your prize, act now."))
    ham = view.classify(mail("Bug report", "It does not work."))
    assert (spam.category, ham.category) == ("spam", "ham")
    assert spam.scores["spam"] + spam.scores["ham"] == pytest.approx(1)
    assert spam.confidence == max(spam.scores.values())
    assert (spam_or_ham("sales"), spam_or_ham("spam")) == ("ham", "spam")
