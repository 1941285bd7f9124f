"""What the pipeline has concluded about one message, and why.

A decision is a value: stages contribute to it, the runner folds the contributions together, and
whoever stores, moves or announces the message reads it. It holds words of our rules; text of the
message stands only in ``extracted``, which is as private as the message itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sage_mail.pipeline.extraction.facts import Facts

__all__ = [
    "Category",
    "Contribution",
    "Decision",
    "Field",
    "Kind",
    "Opinion",
    "Priority",
    "Reason",
    "Topic",
]


class Category(StrEnum):
    """The eight categories of the guide's classifier."""

    SUPPORT = "support"
    SALES = "sales"
    MARKETING = "marketing"
    SPAM = "spam"
    NEWSLETTER = "newsletter"
    PERSONAL = "personal"
    URGENT = "urgent"
    GENERAL = "general"


class Kind(StrEnum):
    """How the guide's incoming loop tells messages apart, in its order."""

    SUPPORT = "support"
    ORDER = "order"
    ATTACHMENTS = "attachments"
    GENERAL = "general"


class Topic(StrEnum):
    """How the guide's notification system tells messages apart."""

    SUPPORT = "support"
    SALES = "sales"
    CALENDAR = "calendar"
    NEWSLETTER = "newsletter"
    GENERAL = "general"


class Priority(StrEnum):
    """How soon a person should look."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Field(StrEnum):
    """The part of a message in which a rule matched."""

    SUBJECT = "subject"
    SENDER = "sender"
    BODY = "body"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that matched: what it speaks for, its text, where it matched and how much it counts.

    ``target`` is a category or ``priority``; ``weight`` is in nats of log-odds, negative when the
    rule speaks against the target.
    """

    target: str
    rule: str
    field: Field
    weight: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a trained model says, recorded whether or not anything follows from it.

    ``label`` is None where the model abstains; ``decided`` says that the decision's category is
    the model's.
    """

    model: str
    label: str | None
    confidence: float
    scores: Mapping[str, float]
    decided: bool = False

    def as_json(self) -> dict[str, object]:
        """The opinion as values that ``json.dumps`` takes."""
        return {
            "model": self.model,
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "scores": {name: round(score, 4) for name, score in self.scores.items()},
            "decided": self.decided,
        }


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one stage adds to a decision; None leaves a field as earlier stages left it.

    ``errors`` holds, by name, the errors of what the stage did without.
    """

    category: Category | None = None
    confidence: float | None = None
    scores: Mapping[str, float] | None = None
    reasons: tuple[Reason, ...] = ()
    priority: Priority | None = None
    kind: Kind | None = None
    topic: Topic | None = None
    target_folder: str | None = None
    mark_seen: bool | None = None
    extracted: Mapping[str, Facts] | None = None
    opinions: tuple[Opinion, ...] = ()
    errors: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The conclusion about one message.

    ``confidence`` is the probability (0 to 1) that ``category`` is right, ``scores`` the
    probability of each category. ``target_folder`` is a logical name with "/" between levels, None
    where the message stays; it is a proposal, and only the runtime decides whether to move.
    ``extracted`` holds the facts that were found in the message, by what they are about (``order``,
    ``support`` ...). ``errors`` holds the text of the error of each stage that failed,
    and of each kind of fact that a stage had to do without.
    """

    category: Category = Category.GENERAL
    confidence: float = 0.0
    scores: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    priority: Priority = Priority.LOW
    kind: Kind = Kind.GENERAL
    topic: Topic = Topic.GENERAL
    target_folder: str | None = None
    mark_seen: bool = False
    extracted: Mapping[str, Facts] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    opinions: tuple[Opinion, ...] = ()

    def with_contribution(self, contribution: Contribution) -> Decision:
        """A decision with what the stage contributed; its reasons and opinions are added."""
        new = contribution
        return Decision(
            category=self.category if new.category is None else new.category,
            confidence=self.confidence if new.confidence is None else new.confidence,
            scores=self.scores if new.scores is None else new.scores,
            reasons=self.reasons + new.reasons,
            priority=self.priority if new.priority is None else new.priority,
            kind=self.kind if new.kind is None else new.kind,
            topic=self.topic if new.topic is None else new.topic,
            target_folder=self.target_folder if new.target_folder is None else new.target_folder,
            mark_seen=self.mark_seen if new.mark_seen is None else new.mark_seen,
            extracted={**self.extracted, **(new.extracted or {})},
            errors={**self.errors, **(new.errors or {})},
            opinions=self.opinions + new.opinions,
        )

    def with_error(self, stage: str, text: str) -> Decision:
        """A decision that remembers that the stage failed."""
        return replace(self, errors={**self.errors, stage: text})

    def as_json(self) -> dict[str, object]:
        """The decision as values that ``json.dumps`` takes, for storage and the wire."""
        return {
            "category": str(self.category),
            "confidence": round(self.confidence, 4),
            "scores": {name: round(score, 4) for name, score in self.scores.items()},
            "reasons": [
                {
                    "target": reason.target,
                    "rule": reason.rule,
                    "field": str(reason.field),
                    "weight": round(reason.weight, 3),
                }
                for reason in self.reasons
            ],
            "priority": str(self.priority),
            "kind": str(self.kind),
            "topic": str(self.topic),
            "target_folder": self.target_folder,
            "mark_seen": self.mark_seen,
            "extracted": {
                name: facts.model_dump(mode="json", exclude_defaults=True)
                for name, facts in self.extracted.items()
            },
            "errors": dict(self.errors),
            "opinions": [opinion.as_json() for opinion in self.opinions],
        }
