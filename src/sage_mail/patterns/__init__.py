"""The classes of the guide by their own names: synchronous, thin over the parts of the system.

They work in scripts, in notebooks and beside a running loop. Each is loaded when it is first used;
none loads the job engine or the console.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sage_mail.patterns.classifier import AIEmailClassifier
    from sage_mail.patterns.incoming import ModernEmailProcessor
    from sage_mail.patterns.intelligent import IntelligentEmailProcessor
    from sage_mail.patterns.monitor import RealTimeEmailMonitor
    from sage_mail.patterns.production import ProductionEmailSystem
    from sage_mail.patterns.realtime import CompleteRealTimeEmailSystem
    from sage_mail.patterns.webhooks import EmailWebhookBridge
    from sage_mail.patterns.websocket_server import EmailWebSocketServer

__all__ = [
    "AIEmailClassifier",
    "CompleteRealTimeEmailSystem",
    "EmailWebSocketServer",
    "EmailWebhookBridge",
    "IntelligentEmailProcessor",
    "ModernEmailProcessor",
    "ProductionEmailSystem",
    "RealTimeEmailMonitor",
]

_MODULES = {
    "AIEmailClassifier": "sage_mail.patterns.classifier",
    "CompleteRealTimeEmailSystem": "sage_mail.patterns.realtime",
    "EmailWebSocketServer": "sage_mail.patterns.websocket_server",
    "EmailWebhookBridge": "sage_mail.patterns.webhooks",
    "IntelligentEmailProcessor": "sage_mail.patterns.intelligent",
    "ModernEmailProcessor": "sage_mail.patterns.incoming",
    "ProductionEmailSystem": "sage_mail.patterns.production",
    "RealTimeEmailMonitor": "sage_mail.patterns.monitor",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
