"""The monitor over HTTP: ``/healthz``, ``/readyz``, ``/metrics``.

They take no token, because probes and scrapers seldom have one, and say nothing of any mail. While
the service listens on loopback they answer only requests that were sent to loopback: a page on the
internet that points a name of its own at 127.0.0.1 (DNS rebinding) reads nothing.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from sage_mail.monitoring import Monitor

__all__ = ["is_loopback", "monitor_routes"]

_NO_STORE: Final = {"Cache-Control": "no-store"}


def monitor_routes(monitor: Monitor, *, loopback_only: bool) -> APIRouter:
    """The three pages; with *loopback_only* for requests that were sent to loopback."""
    router = APIRouter(dependencies=[Depends(_sent_to_loopback)] if loopback_only else [])

    @router.get("/healthz")
    async def health() -> Response:
        if monitor.is_alive:
            return JSONResponse({"status": "alive"}, headers=_NO_STORE)
        return JSONResponse({"status": "held up"}, status_code=503, headers=_NO_STORE)

    @router.get("/readyz")
    async def readiness() -> Response:
        reasons = await monitor.unready()
        warnings = monitor.warnings()
        content = {
            "status": "unready" if reasons else "ready",
            **({"reasons": reasons} if reasons else {}),
            **({"warnings": warnings} if warnings else {}),
        }
        return JSONResponse(content, status_code=503 if reasons else 200, headers=_NO_STORE)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(
            await monitor.exposition(), media_type=CONTENT_TYPE_LATEST, headers=_NO_STORE
        )

    return router


def _sent_to_loopback(request: Request) -> None:
    # The URL of a request is made from its Host header.
    host = request.url.hostname or ""
    if not is_loopback(host):
        raise HTTPException(403, "this is for requests that are sent to loopback")


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and the addresses of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
