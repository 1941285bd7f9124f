"""The classes are those of the guide: names, parameters, defaults, attributes, keys."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import sage_mail.patterns
from tests.support.guide import guide_class, needs_guide

_CONFIG = {"host": "localhost", "username": "ada", "password": "secret"}
# What a class is made with where the guide gives no default.
_ARGUMENTS: dict[str, dict[str, object]] = {
    "EmailWebhookBridge": {"config": _CONFIG, "webhook_config": {}},
    "ProductionEmailSystem": {"config": _CONFIG},
    "RealTimeEmailMonitor": {"config": _CONFIG},
}
# Attributes that hold an object of a class which there is not.
_ABSENT = {
    "ProductionEmailSystem": {
        "ai_classifier": "AIEmailClassifier",
        "analytics": "EmailProcessingAnalytics",
        "db_integration": "EmailDatabaseIntegration",
        "realtime_monitor": "CompleteRealTimeEmailSystem",
        "security_processor": "SecureEmailProcessor",
    }
}


@needs_guide
@pytest.mark.parametrize("name", sage_mail.patterns.__all__)
def test_the_class_is_that_of_the_guide(name: str) -> None:
    """Everything that the guide names is there and can be called as the guide calls it."""
    ours, guide = getattr(sage_mail.patterns, name), guide_class(name)
    assert guide is not None
    for method in guide.methods.values():
        function = getattr(ours, method.name)
        assert inspect.iscoroutinefunction(function) == method.is_async, method.name
        parameters = dict(inspect.signature(function).parameters)
        del parameters["self"]
        for (wanted, default), own in zip(
            method.parameters.items(), parameters.values(), strict=False
        ):
            assert own.name == wanted, method.name
            assert default is ... or own.default == default, method.name
        beyond = list(parameters.values())[len(method.parameters) :]
        assert all(each.default is not each.empty for each in beyond), method.name
        assert len(parameters) >= len(method.parameters), method.name
    made = ours(**_ARGUMENTS.get(name, {}))
    absent = _ABSENT.get(name, {})
    missing = {attribute for attribute in guide.attributes if not hasattr(made, attribute)}
    assert missing == set(absent)
    assert not set(absent.values()) & set(sage_mail.patterns.__all__)


@needs_guide
def test_the_values_at_the_beginning() -> None:
    """What the guide's constructors set is set."""
    monitor = sage_mail.patterns.RealTimeEmailMonitor(_CONFIG)
    assert (monitor.config, monitor.is_monitoring, monitor.callbacks) == (_CONFIG, False, [])
    assert monitor.event_queue.empty()
    assert monitor.websocket_server is None
    server = sage_mail.patterns.EmailWebSocketServer()
    assert (server.host, server.port, server.clients) == ("localhost", 8765, set())
    assert server.server is None
    system = sage_mail.patterns.ProductionEmailSystem(_CONFIG)
    assert (system.config, system.is_running) == (_CONFIG, False)
    assert isinstance(system.webhook_bridge, sage_mail.patterns.EmailWebhookBridge)


def test_they_load_what_they_need() -> None:
    """The package loads nothing; its classes load neither console nor storage nor job engine."""
    code = (
        "import sys, sage_mail.patterns as p;"
        "assert not any(m.startswith(('sage_imap', 'websockets')) for m in sys.modules);"
        "[getattr(p, name) for name in p.__all__];"
        "assert dir(p);"
        "print([n for n in ('fastapi', 'sqlalchemy', 'dbos') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError):
        _ = sage_mail.patterns.EmailMonitor
