"""A small program of the kind that waits for webhooks: it checks signatures and counts.

What a real receiver must do it does too: verify the signature over the bytes as they came, and take
a `webhook-id` that it has seen before for the same delivery again.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Receiver"]


@dataclass(slots=True)
class Receiver:
    """Verifies and counts deliveries; ``app`` is the ASGI application that listens on ``/``."""

    secret: str
    by_type: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    refused: int = 0
    _seen: set[str] = field(default_factory=set)

    @property
    def app(self) -> Starlette:
        """The application to serve."""
        return Starlette(routes=[Route("/", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.refused += 1
            return Response(status_code=401)
        webhook_id = request.headers["webhook-id"]
        if webhook_id in self._seen:
            self.repeated += 1
        else:
            self._seen.add(webhook_id)
            self.by_type[json.loads(body)["type"]] += 1
        return Response(status_code=204)
