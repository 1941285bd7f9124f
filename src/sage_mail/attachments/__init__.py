"""What attachments are, found out in children that a hostile file may kill."""

from __future__ import annotations

from sage_mail.attachments.analyst import Analyst
from sage_mail.attachments.facts import AttachmentFacts, Finding, Status
from sage_mail.attachments.request import Answer, Request

__all__ = ["Analyst", "Answer", "AttachmentFacts", "Finding", "Request", "Status"]
