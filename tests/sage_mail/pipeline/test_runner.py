"""Stages folded into one decision."""

from __future__ import annotations

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline import Category, Context, Contribution, Pipeline, Priority
from tests.sage_mail.pipeline.drafts import mail


class _Says:
    def __init__(self, name: str, contribution: Contribution) -> None:
        self.name = name
        self._contribution = contribution

    def __call__(self, _message: EmailMessage, _context: Context, /) -> Contribution:
        return self._contribution


class _Fails:
    name = "fails"

    def __call__(self, _message: EmailMessage, _context: Context, /) -> Contribution:
        raise ZeroDivisionError("no luck")


class _Listens:
    name = "listens"

    def __init__(self) -> None:
        self.heard: list[Context] = []

    def __call__(self, _message: EmailMessage, context: Context, /) -> Contribution:
        self.heard.append(context)
        return Contribution()


_SPAM = _Says("spam", Contribution(category=Category.SPAM, confidence=0.9))
_HIGH = _Says("high", Contribution(priority=Priority.HIGH))


def test_stages_run_in_their_order_and_see_what_was_decided() -> None:
    """A stage knows the account, the mailbox and what the stages before it concluded."""
    listener = _Listens()
    context = Context(account="shop", mailbox="INBOX", own_addresses=frozenset({"a@b.example"}))
    Pipeline([_SPAM, listener]).decide(mail(), context)
    heard = listener.heard[0]
    assert heard.decision.category is Category.SPAM
    assert (heard.account, heard.mailbox, heard.own_addresses) == (
        "shop",
        "INBOX",
        frozenset({"a@b.example"}),
    )


def test_a_stage_that_raises_costs_nothing_but_its_own_part() -> None:
    """Its error is recorded under its name, what was decided stays, and the rest goes on."""
    decision = Pipeline([_SPAM, _Fails(), _HIGH]).decide(mail())
    assert decision.errors == {"fails": "ZeroDivisionError: no luck"}
    assert decision.category is Category.SPAM
    assert decision.priority is Priority.HIGH


def test_without_stages_a_message_is_nothing_in_particular() -> None:
    """The default decision leaves the message where it is."""
    decision = Pipeline([]).decide(mail())
    assert decision.category is Category.GENERAL
    assert decision.target_folder is None


def test_the_context_is_left_alone() -> None:
    """One context serves any number of messages."""
    context = Context()
    pipeline = Pipeline([_SPAM])
    assert pipeline.decide(mail(), context) == pipeline.decide(mail(), context)
    assert context == Context()
    assert pipeline.stages == (_SPAM,)
