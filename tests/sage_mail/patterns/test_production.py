"""Who hears of an event of the production system; the system itself is tested live."""

from __future__ import annotations

from typing import Any

import pytest

from sage_mail.patterns import ProductionEmailSystem
from sage_mail.patterns.production import _added


def _ignore(event: dict[str, Any]) -> None:
    """Hear of it."""


def _system() -> ProductionEmailSystem:
    system = ProductionEmailSystem({"host": "imap.example.org", "username": "ada"})
    system.realtime_monitor.add_notification_handler(_ignore)
    system.realtime_monitor.add_notification_handler(system.handle_realtime_event)
    system.realtime_monitor.email_monitor.add_callback(print)
    return system


@pytest.mark.parametrize("type_", ["new_message", "message_deleted"])
def test_what_was_added_hears_of_mail(type_: str) -> None:
    """Handlers and callbacks hear of it, and the system's own handler not a second time."""
    system = _system()
    assert _added(system, {"type": type_}, system.handle_realtime_event) == [print, _ignore]


def test_what_hears_of_nothing_more() -> None:
    """Of other events they do not hear, nor twice where the monitor watches by itself."""
    system = _system()
    own = system.handle_realtime_event
    assert _added(system, {"type": "account_connected"}, own) == []
    system.realtime_monitor.email_monitor.is_monitoring = True
    assert _added(system, {"type": "new_message"}, own) == []
