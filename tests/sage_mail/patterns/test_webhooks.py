"""``EmailWebhookBridge`` as the guide has it, against real receivers and a real mail server."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import hmac
import importlib
import inspect
import json
import re
import textwrap
import time
from collections.abc import Callable, Iterator
from threading import Event as ThreadEvent
from threading import Thread
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from sage_imap.services import IMAPClient
from sage_mail.patterns.webhooks import EmailWebhookBridge
from tests.support.corpora import corpora, needs_corpora
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

_EVENT = {
    "type": "new_message",
    "uid": 7,
    "subject": "To ann@example.org",
    "sender": "ann@example.org",
    "timestamp": 1.5,
    "has_attachments": False,
    "size": 10,
}
_MAIL = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Hello\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nCard 4111 1111 1111 1111, eve@example.org\r\n"
    b"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\n"
    b"1,2\r\n--b--\r\n"
)


class _Unread(EmailWebhookBridge):
    """A bridge without a mail server, with pauses that a test can wait for."""

    def __init__(self, *endpoints: dict[str, Any]) -> None:
        super().__init__({}, {"endpoints": list(endpoints)})
        self.retry_delay = 0.01

    def add_email_content(self, event: dict[str, Any]) -> dict[str, Any]:
        return event


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers, which answer on a thread of their own."""
    over: list[ThreadEvent] = []
    threads: list[Thread] = []

    def make(**options: Any) -> Receiver:
        made: list[Receiver] = []
        ready, end = ThreadEvent(), ThreadEvent()

        async def serve() -> None:
            async with Receiver(**options) as receiver:
                made.append(receiver)
                ready.set()
                await asyncio.to_thread(end.wait)

        thread = Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        assert ready.wait(10)
        over.append(end)
        threads.append(thread)
        return made[0]

    yield make
    for end in over:
        end.set()
    for thread in threads:
        thread.join(10)


def _endpoint(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    return {"url": receiver.url, "allow_private": True, **changes}


def _guide_class() -> ast.ClassDef:
    """The class in the guide's own code block."""
    folder = corpora()
    assert folder is not None
    page = (folder.parent / "guide" / "common_patterns.rst").read_text("utf-8")
    start = page.index("   class EmailWebhookBridge:")
    block = re.split(r"\n(?=\S)", page[start:], maxsplit=1)[0]
    (found,) = ast.parse(textwrap.dedent(block)).body
    assert isinstance(found, ast.ClassDef)
    return found


@needs_corpora
def test_the_guides_table() -> None:
    """Each method of the guide is there with its parameters, each attribute with its default."""
    bridge = EmailWebhookBridge({"host": "h"}, {"endpoints": []})
    for method in _guide_class().body:
        assert isinstance(method, ast.FunctionDef)
        ours = inspect.signature(getattr(EmailWebhookBridge, method.name))
        assert list(ours.parameters) == [argument.arg for argument in method.args.args], method.name
        if method.name != "__init__":
            continue
        for line in method.body:
            assert isinstance(line, ast.Assign)
            (target,) = line.targets
            assert isinstance(target, ast.Attribute)
            if isinstance(line.value, ast.Constant):
                assert getattr(bridge, target.attr) == line.value.value
            else:
                assert hasattr(bridge, target.attr)


@needs_corpora
def test_the_guides_keys() -> None:
    """Each key of the guide's dictionaries is in what the class makes of an event."""
    bridge = _Unread()
    enhanced = bridge.enhance_event(_EVENT)
    enhanced["email_content"] = {
        "plain_body": "",
        "html_body": "",
        "headers": {},
        "attachments": [{"filename": "a", "content_type": "text/csv", "size": 1}],
    }
    payload = bridge.prepare_payload({}, enhanced)
    made = set(re.findall(r'"(\w+)":', json.dumps(payload)))
    keys = {
        key.value
        for node in ast.walk(_guide_class())
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert {key for key in keys if re.fullmatch(r"[a-z_]+", str(key))} <= made
    assert payload["webhook_config"] == {"name": "unnamed", "version": "1.0"}


def test_metadata() -> None:
    """The guide's metadata, without a change to the event that was given."""
    before, began = dict(_EVENT), time.time()
    enhanced = _Unread().enhance_event(_EVENT)
    metadata = enhanced["webhook_metadata"]
    assert before == _EVENT
    assert (metadata["version"], metadata["source"]) == ("1.0", "python-sage-imap")
    assert re.fullmatch(r"evt_\d+_7", metadata["event_id"])
    assert began <= metadata["timestamp"] <= time.time()
    assert (
        _Unread().enhance_event({"type": "x"})["webhook_metadata"]["event_id"].endswith("_unknown")
    )


def test_what_is_posted(receivers: Callable[..., Receiver]) -> None:
    """The envelope, redacted, with the guide's headers; both signatures verify."""
    receiver = receivers()
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    _Unread(_endpoint(receiver, secret=secret, name="crm", version="2")).forward_to_webhook(_EVENT)
    (request,) = receiver.requests
    payload = request.json()
    assert payload["webhook_config"] == {"name": "crm", "version": "2"}
    assert payload["event"]["subject"] == "To [REDACTED]"
    assert payload["event"]["sender"] == "ann@example.org"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "python-sage-imap/1.0"
    digest = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == f"sha256={digest}"
    assert _Unread().generate_signature(secret, request.body.decode()) == f"sha256={digest}"
    Webhook(secret).verify(request.body, dict(request.headers))


def test_unsigned_and_unfiltered(receivers: Callable[..., Receiver]) -> None:
    """Without a secret nothing is signed; one endpoint's redaction does not touch another's."""
    first, second = receivers(), receivers()
    _Unread(_endpoint(first), _endpoint(second, filter_sensitive=False)).forward_to_webhook(_EVENT)
    assert first.requests[0].json()["event"]["subject"] == "To [REDACTED]"
    assert second.requests[0].json()["event"]["subject"] == "To ann@example.org"
    assert "x-signature" not in first.requests[0].headers


def test_attempts(receivers: Callable[..., Receiver]) -> None:
    """Three attempts in all, under one id, and then it is given up."""
    receiver = receivers(default=Answer(status=500))
    bridge = _Unread(_endpoint(receiver))
    bridge.forward_to_webhook(_EVENT)
    assert len(receiver.requests) == bridge.retry_attempts == 3
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    receiver.script(Answer(status=500), Answer(status=200))
    bridge.forward_to_webhook(_EVENT)
    assert len(receiver.requests) == 5


def test_a_private_address_needs_permission(receivers: Callable[..., Receiver]) -> None:
    """Without ``allow_private`` nothing is posted to this machine."""
    receiver = receivers()
    _Unread({"url": receiver.url}).forward_to_webhook(_EVENT)
    assert receiver.connections == 0


def test_methods_can_be_overridden(
    receivers: Callable[..., Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    """What a subclass says of payload and signature is sent; what it raises harms nobody else."""

    class Mine(_Unread):
        def prepare_payload(self, webhook_config: Any, event: dict[str, Any]) -> dict[str, Any]:
            if webhook_config["name"] == "bad":
                raise ZeroDivisionError
            return {"event": {"mine": True}}

        def generate_signature(self, secret: str, payload: str) -> str:
            return f"mine={secret}"

    receiver = receivers()
    bad, good = (_endpoint(receiver, name=name, secret="s") for name in ("bad", "good"))
    Mine(bad, good).forward_to_webhook(_EVENT)
    (request,) = receiver.requests
    assert request.json() == {"event": {"mine": True}}
    assert request.headers["x-signature"] == "mine=s"
    assert "webhook_failed" in caplog.text


class _Monitor:
    """The part of the guide's monitor that the bridge uses."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.callbacks: list[Callable[[dict[str, Any]], None]] = []
        self.is_monitoring = False

    def add_callback(self, callback: Callable[[dict[str, Any]], None]) -> None:
        self.callbacks.append(callback)

    def start_idle_monitoring(self) -> None:
        self.is_monitoring = True


def test_forwarding_from_a_monitor(
    receivers: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor's events reach the healthy endpoint while another hangs, and block nobody."""
    patterns = importlib.import_module("sage_mail.patterns")
    monkeypatch.setattr(patterns, "RealTimeEmailMonitor", _Monitor, raising=False)
    hanging, healthy = receivers(default=Answer(hang=True)), receivers()
    bridge = _Unread(_endpoint(hanging), _endpoint(healthy))
    bridge.config = {"host": "h"}
    bridge.setup_email_to_webhook_forwarding()
    assert bridge.monitor.is_monitoring
    assert bridge.monitor.config == {"host": "h"}
    (callback,) = bridge.monitor.callbacks
    for _ in range(5):
        callback(_EVENT)
    deadline = time.monotonic() + 20
    while len(healthy.requests) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert hanging.abandoned == 0


def test_more_than_an_endpoint_can_take(
    receivers: Callable[..., Receiver],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What waits for an endpoint that is long dead is bounded; what is dropped is logged."""
    monkeypatch.setattr("sage_mail.patterns.webhooks._MOST_WAITING", 2)
    bridge = _Unread(_endpoint(receivers(default=Answer(hang=True))))
    bridge.monitor = _Monitor({})
    for _ in range(5):
        bridge.forward_to_webhook(_EVENT)
    assert "webhook_dropped" in caplog.text


def test_content_that_is_there_already() -> None:
    """An event that brings its content is not fetched for it."""
    event = {**_EVENT, "email_content": {"plain_body": "x"}}
    assert EmailWebhookBridge({}, {}).add_email_content(event) is event


@needs_dovecot
@pytest.mark.live
def test_content_from_the_mail_server(
    dovecot: Dovecot, dovecot_user: str, receivers: Callable[..., Receiver]
) -> None:
    """A new message's bodies, headers and attachments' facts are fetched, posted and redacted."""
    config = {
        "host": dovecot.host,
        "port": dovecot.port,
        "security": "plain",
        "username": dovecot_user,
        "password": PASSWORD,
    }
    with IMAPClient(config=config) as client:
        client.append("INBOX", _MAIL)
    receiver = receivers()
    bridge = EmailWebhookBridge(config, {"endpoints": [_endpoint(receiver)]})
    bridge.forward_to_webhook({**_EVENT, "uid": 1})
    content = receiver.requests[0].json()["event"]["email_content"]
    assert content["plain_body"].strip() == "Card [REDACTED], [REDACTED]"
    assert content["headers"]["To"] == "bob@example.org"
    assert content["attachments"][0]["filename"] == "a.csv"
    bridge.forward_to_webhook({**_EVENT, "uid": 99})
    assert "email_content" not in receiver.requests[1].json()["event"]
    bridge.config = {**config, "password": "wrong"}
    bridge.forward_to_webhook({**_EVENT, "uid": 1})
    assert "email_content" not in receiver.requests[2].json()["event"]
    with IMAPClient(config=config) as client:
        client.select("INBOX")
        assert len(client.search("UNSEEN").uids) == 1


@pytest.mark.parametrize("running", [False, True])
def test_inside_a_running_loop(receivers: Callable[..., Receiver], *, running: bool) -> None:
    """It works in a notebook, whose loop is running, as it does in a script."""
    receiver = receivers()
    bridge = _Unread(_endpoint(receiver))

    async def notebook() -> None:
        bridge.send_webhook(_endpoint(receiver), _EVENT)

    if running:
        asyncio.run(notebook())
    else:
        bridge.send_webhook(_endpoint(receiver), _EVENT)
    assert len(receiver.requests) == 1
