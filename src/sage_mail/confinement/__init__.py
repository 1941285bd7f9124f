"""Work on hostile input in child processes that can be killed, with limits of time and memory."""

from __future__ import annotations

from sage_mail.confinement.children import Children
from sage_mail.confinement.limits import Limits
from sage_mail.confinement.outcome import Failed, Failure, Finished

__all__ = ["Children", "Failed", "Failure", "Finished", "Limits"]
