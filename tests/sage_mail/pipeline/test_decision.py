"""What the pipeline concludes, as a value."""

from __future__ import annotations

import json

from sage_mail.pipeline import (
    Category,
    Contribution,
    Decision,
    Field,
    Kind,
    Priority,
    Reason,
    Topic,
)

_REASON = Reason("support", "does not work", Field.BODY, 2.0)


def test_a_contribution_changes_only_what_it_names() -> None:
    """None leaves a field as earlier stages left it."""
    first = Decision().with_contribution(
        Contribution(category=Category.SUPPORT, confidence=0.9, scores={"support": 0.9})
    )
    second = first.with_contribution(Contribution(priority=Priority.HIGH))
    assert second.category is Category.SUPPORT
    assert second.confidence == 0.9
    assert second.scores == {"support": 0.9}
    assert second.priority is Priority.HIGH


def test_a_false_value_is_a_contribution() -> None:
    """Only None means "no opinion": a confidence of zero and a False are said."""
    decided = Decision(confidence=0.5, mark_seen=True)
    changed = decided.with_contribution(Contribution(confidence=0.0, mark_seen=False))
    assert changed.confidence == 0.0
    assert changed.mark_seen is False


def test_reasons_add_up() -> None:
    """Each stage adds its reasons to those before."""
    contribution = Contribution(reasons=(_REASON,))
    decided = Decision().with_contribution(contribution).with_contribution(contribution)
    assert decided.reasons == (_REASON, _REASON)


def test_decisions_share_nothing() -> None:
    """An error of one decision does not show in another."""
    assert Decision().with_error("classify", "ValueError: no").errors == {
        "classify": "ValueError: no"
    }
    assert Decision().errors == {}


def test_a_decision_goes_to_json() -> None:
    """Storage and the wire get plain values that come back as they were."""
    decided = Decision(
        category=Category.SUPPORT,
        confidence=0.987654,
        scores={"support": 0.987654},
        reasons=(_REASON,),
        priority=Priority.MEDIUM,
        kind=Kind.SUPPORT,
        topic=Topic.SUPPORT,
        target_folder="INBOX/Support",
        mark_seen=True,
        errors={"route": "KeyError: 'x'"},
    )
    assert json.loads(json.dumps(decided.as_json())) == {
        "category": "support",
        "confidence": 0.9877,
        "scores": {"support": 0.9877},
        "reasons": [{"target": "support", "rule": "does not work", "field": "body", "weight": 2.0}],
        "priority": "medium",
        "kind": "support",
        "topic": "support",
        "target_folder": "INBOX/Support",
        "mark_seen": True,
        "extracted": {},
        "errors": {"route": "KeyError: 'x'"},
        "opinions": [],
    }
