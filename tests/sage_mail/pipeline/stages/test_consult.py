"""What follows from the opinion of a trained model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.classification import Classification
from sage_mail.pipeline import Category, Decision, Priority, Topic, default_pipeline
from sage_mail.pipeline.outline import Outline
from tests.sage_mail.classification.samples import spam_model
from tests.sage_mail.pipeline.drafts import Policy, mail

_SUPPORT = ("Printer", "The printer does not work and shows an error message.")


@dataclass(frozen=True)
class _Model:
    """A model that says the same of every message."""

    category: str | None
    scores: dict[str, float]
    name: str = "fixed"
    labels: tuple[str, ...] = field(default=())

    def classify(self, message: EmailMessage) -> Classification:
        assert isinstance(message, EmailMessage)
        return Classification(self.category, max(self.scores.values()), self.scores)


_SPAM = _Model("spam", {"ham": 0.03, "spam": 0.97})


def _decided(model: _Model | None, *, decides: bool, text: str = _SUPPORT[1]) -> Decision:
    pipeline = default_pipeline(Policy(), model=model, model_decides=decides)
    return pipeline.decide(mail(_SUPPORT[0], text))


def test_an_opinion_is_only_recorded() -> None:
    """Category, folder, scores and reasons are those of the rules alone."""
    alone, with_model = _decided(None, decides=False), _decided(_SPAM, decides=False)
    assert with_model.category is Category.SUPPORT
    assert with_model.target_folder == "INBOX/Support"
    assert (with_model.scores, with_model.reasons) == (alone.scores, alone.reasons)
    assert with_model.as_json()["opinions"] == [
        {
            "model": "fixed",
            "label": "spam",
            "confidence": 0.97,
            "scores": {"ham": 0.03, "spam": 0.97},
            "decided": False,
        }
    ]
    assert alone.opinions == ()


def test_a_model_that_decides() -> None:
    """Its category is routed, prioritised and given a topic; the rules share what it leaves."""
    decision = _decided(_SPAM, decides=True)
    assert decision.category is Category.SPAM
    assert (decision.confidence, decision.target_folder) == (0.97, "INBOX/Spam")
    assert (decision.priority, decision.topic) == (Priority.LOW, Topic.GENERAL)
    assert decision.scores["spam"] == 0.97
    assert sum(decision.scores.values()) == pytest.approx(1)
    assert decision.scores["support"] > decision.scores["sales"]
    assert decision.opinions[0].decided


@pytest.mark.parametrize(
    "model",
    [_Model("ham", {"ham": 0.99, "spam": 0.01}), _Model(None, {"ham": 0.4, "spam": 0.6})],
    ids=["ham", "abstained"],
)
def test_ham_and_abstentions_leave_the_rules_alone(model: _Model) -> None:
    """That it is no spam says nothing about what it is."""
    decision = _decided(model, decides=True)
    assert decision.category is Category.SUPPORT
    assert not decision.opinions[0].decided


def test_a_model_of_categories() -> None:
    """It may know a few of them; those that it does not know share nothing where it is sure."""
    decision = _decided(_Model("sales", {"support": 0.2, "sales": 0.8}), decides=True)
    assert (decision.category, decision.topic) == (Category.SALES, Topic.SALES)
    assert decision.scores["support"] == 0.2
    assert sum(decision.scores.values()) == pytest.approx(1)


def test_an_invitation_stays_one() -> None:
    """The topic of a calendar entry does not follow from the category."""
    pipeline = default_pipeline(Policy(), model=_SPAM, model_decides=True)
    message = mail("Monday", "At ten.", attach="text/calendar")
    assert pipeline.decide(message).topic is Topic.CALENDAR


def test_what_rules_and_a_trained_model_read_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outline of a message is made once for both; the model says what it says alone."""
    model, message = spam_model(), mail(*_SUPPORT)
    alone = model.classify(message)
    made: list[EmailMessage] = []
    make = Outline.of

    def counted(known: EmailMessage) -> Outline:
        made.append(known)
        return make(known)

    monkeypatch.setattr(Outline, "of", counted)
    decision = default_pipeline(Policy(), model=model).decide(message)
    assert made == [message]
    assert decision.opinions[0].scores == alone.scores
