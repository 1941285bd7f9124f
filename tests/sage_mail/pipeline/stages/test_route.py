"""Where a message belongs."""

from __future__ import annotations

import pytest

from sage_mail.pipeline import Category, Context, Contribution, Decision
from sage_mail.pipeline.stages.route import Route
from tests.sage_mail.pipeline.drafts import Policy, mail


def _routed(
    category: Category,
    confidence: float = 0.9,
    *,
    mailbox: str = "INBOX",
    policy: Policy | None = None,
) -> Contribution:
    context = Context(mailbox=mailbox, decision=Decision(category=category, confidence=confidence))
    return Route(policy or Policy())(mail(), context)


def test_a_sure_category_has_its_folder() -> None:
    """From the threshold upwards, the threshold included."""
    assert _routed(Category.SUPPORT, 0.7).target_folder == "INBOX/Support"
    assert _routed(Category.SPAM, 0.99).target_folder == "INBOX/Spam"


def test_an_unsure_one_stays() -> None:
    """Below the threshold nothing is proposed."""
    assert _routed(Category.SUPPORT, 0.699) == Contribution()


@pytest.mark.parametrize("category", [Category.PERSONAL, Category.GENERAL])
def test_the_personal_and_the_general_stay(category: Category) -> None:
    """Even where somebody has mapped them."""
    policy = Policy(folders={"personal": "INBOX/Personal", "general": "INBOX/Other"})
    assert _routed(category, policy=policy) == Contribution()


@pytest.mark.parametrize("category", [Category.SALES, Category.URGENT])
def test_a_category_without_a_folder_stays(category: Category) -> None:
    """Neither mapped to nothing nor not mapped at all."""
    assert _routed(category) == Contribution()


def test_only_the_inbox_is_routed() -> None:
    """What lies in another folder was put there by somebody."""
    assert _routed(Category.SPAM, mailbox="Archive") == Contribution()
    assert _routed(Category.SPAM, mailbox="inbox").target_folder == "INBOX/Spam"


def test_a_message_is_marked_seen_only_if_asked_and_only_if_filed() -> None:
    """The policy's word, for what has a folder."""
    policy = Policy(mark_seen=True)
    assert _routed(Category.SPAM).mark_seen is False
    assert _routed(Category.SPAM, policy=policy).mark_seen is True
    assert _routed(Category.SPAM, 0.5, policy=policy).mark_seen is None


def test_categories_may_be_given_as_such() -> None:
    """The keys of the mapping may be texts or members of Category."""
    policy = Policy(folders={Category.SPAM: "Junk"})
    assert _routed(Category.SPAM, policy=policy).target_folder == "Junk"
