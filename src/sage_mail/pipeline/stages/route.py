"""Where a message belongs: the folder of its category, if we are sure enough.

Only messages in the INBOX are given a folder; what lies elsewhere was put there by somebody. The
personal and the general stay. Nothing is moved here: the folder is a proposal, recorded whether or
not routing is enabled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from sage_mail.pipeline.decision import Category, Contribution
from sage_mail.pipeline.stage import Context

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Route", "RoutingPolicy"]

_STAY = frozenset({Category.PERSONAL, Category.GENERAL})


class RoutingPolicy(Protocol):
    """What the user wants of routing.

    ``threshold`` is the confidence (0 to 1) from which a message is given a folder, ``folders``
    maps categories to logical folder names with "/" between levels.
    """

    @property
    def threshold(self) -> float:
        """The confidence from which a message is given a folder, 0 to 1."""
        ...

    @property
    def mark_seen(self) -> bool:
        """Whether a filed message is marked as seen."""
        ...

    @property
    def folders(self) -> Mapping[str, str]:
        """The logical folder name of each category that has one."""
        ...


class Route:
    """Gives a message the folder of its category from the policy's confidence upwards."""

    name = "route"

    def __init__(self, policy: RoutingPolicy) -> None:
        self._threshold = policy.threshold
        self._mark_seen = policy.mark_seen
        self._folders = {str(category): folder for category, folder in policy.folders.items()}

    def __call__(self, _message: EmailMessage, context: Context, /) -> Contribution:
        """The folder for the decision so far, or nothing where the message stays."""
        decision = context.decision
        if context.mailbox.upper() != "INBOX" or decision.category in _STAY:
            return Contribution()
        if decision.confidence < self._threshold:
            return Contribution()
        folder = self._folders.get(str(decision.category))
        if not folder:
            return Contribution()
        return Contribution(target_folder=folder, mark_seen=self._mark_seen)
