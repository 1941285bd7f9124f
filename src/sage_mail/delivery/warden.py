"""Who watches an endpoint's results: it notes failures, and disables an endpoint that is gone.

What it writes belongs to the transaction in which the results themselves are recorded, so that no
endpoint is disabled without its ``endpoint.disabled``, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sage_mail.delivery.announce import Subscriber, announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.health import Health, after_failure
from sage_mail.delivery.payloads import endpoint_disabled_data
from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import Delivered, GivenUp
from sage_mail.storage import UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Warden"]

_log = get_logger(__name__)


class Warden:
    """Watches one endpoint; *others* are the endpoints that hear when it is disabled.

    ``closings`` is how often it has disabled the endpoint, or found it disabled by somebody else.
    """

    def __init__(self, endpoint: str, others: Sequence[Subscriber]) -> None:
        self._endpoint = endpoint
        self._others = others
        self.closings = 0

    async def judge(self, uow: UnitOfWork, results: Sequence[Result]) -> None:
        """Note what the results, first to last, say about the endpoint."""
        if all(isinstance(result.verdict, Delivered) for result in results):
            await uow.endpoints.note_success(self._endpoint)
            return
        known = await uow.endpoints.get(self._endpoint)
        health = Health(known.failing_since, known.last_failure_at)
        gone = False
        for result in results:
            if isinstance(result.verdict, Delivered):
                health = Health()
            else:
                health = after_failure(health, result.attempt.started_at)
            gone = gone or (isinstance(result.verdict, GivenUp) and result.verdict.endpoint_gone)
        await self._note(uow, health)
        if not known.enabled:
            self.closings += 1
        elif gone or health.is_hopeless:
            reason = "gone" if gone else "failing"
            await self._disable(uow, reason, health, results[-1].attempt.started_at)
            self.closings += 1

    async def _note(self, uow: UnitOfWork, health: Health) -> None:
        if health.failing_since is None or health.last_failure_at is None:
            await uow.endpoints.note_success(self._endpoint)
            return
        await uow.endpoints.note_failures(
            self._endpoint, since=health.failing_since, last=health.last_failure_at
        )

    async def _disable(self, uow: UnitOfWork, reason: str, health: Health, at: datetime) -> None:
        await uow.endpoints.disable(self._endpoint, reason=reason, at=at)
        data = endpoint_disabled_data(
            self._endpoint, reason=reason, failing_since=health.failing_since
        )
        event = NewEvent(type=EventType.ENDPOINT_DISABLED, account="", occurred_at=at, data=data)
        await announce(uow, event, self._others)
        _log.error("endpoint_disabled", endpoint=self._endpoint, reason=reason)
