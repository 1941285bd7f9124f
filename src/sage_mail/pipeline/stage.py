"""What a stage is: a pure function of a message and its context.

A stage does no IO, keeps no state between messages and knows nothing of storage or of those who
are told. It may be called from any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from sage_mail.pipeline.decision import Contribution, Decision

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Context", "Stage"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage may know beside the message.

    ``account`` is the account's name and ``mailbox`` where the message lies; ``own_addresses`` are
    the account's bare addresses in lower case; ``decision`` is what earlier stages concluded.
    ``shared`` is where stages keep what they prepared for each other; it lasts for one message.
    """

    account: str = ""
    mailbox: str = "INBOX"
    own_addresses: frozenset[str] = frozenset()
    decision: Decision = field(default_factory=Decision)
    shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def after(self, decision: Decision) -> Context:
        """The same context for the next stage, with the decision so far."""
        return replace(self, decision=decision)

    def for_message(self) -> Context:
        """The same context for another message."""
        return replace(self, shared={})


class Stage(Protocol):
    """A step of the pipeline, known by its name."""

    @property
    def name(self) -> str:
        """The name under which an error of this stage is recorded."""
        ...

    def __call__(self, message: EmailMessage, context: Context, /) -> Contribution:
        """What this stage adds to the decision about the message."""
        ...
