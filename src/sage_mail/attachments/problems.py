"""How a parser reports that there is nothing more to be read: a fact about the file, no bug."""

from __future__ import annotations

from sage_mail.attachments.facts import Status

__all__ = ["Unusable"]


class Unusable(Exception):
    """The file cannot be read further; ``status`` and a line for people say why."""

    def __init__(self, status: Status, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem
