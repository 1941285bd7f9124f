"""A telephone of the kind that hears of mail by ntfy: it keeps the texts that were pushed to it.

Source of what is sent: the documentation of ntfy, "Publish as JSON".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["Phone"]


@dataclass(slots=True)
class Phone:
    """Keeps the titles of its texts; ``app`` is the ASGI application that listens on ``/``."""

    titles: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        """The application to serve."""
        return Starlette(routes=[Route("/", self._ring, methods=["POST"])])

    async def _ring(self, request: Request) -> Response:
        said = await request.json()
        self.titles.append(str(said.get("title", "")))
        return JSONResponse({"id": str(len(self.titles))})
