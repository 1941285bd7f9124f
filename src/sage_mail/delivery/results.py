"""What came of an attempt, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass

from sage_mail.delivery.schedule import Verdict
from sage_mail.records import AttemptRecord, DeliveryRecord

__all__ = ["Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt of a delivery, and what becomes of the delivery after it."""

    delivery: DeliveryRecord
    attempt: AttemptRecord
    verdict: Verdict
