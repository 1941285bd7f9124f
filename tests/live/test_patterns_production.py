"""The guide's production system in a script of its own, against a Dovecot with a certificate."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import queue
import signal
import sys
import threading
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from sage_mail.errors import ConfigError
from sage_mail.patterns import ProductionEmailSystem
from sage_mail.storage import Storage
from tests.live.system import System, append, mail
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(120)]

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# As the guide ends: a configuration, a system, its start.
_SCRIPT = """
import json, sys
from sage_mail.patterns import ProductionEmailSystem


class Own(ProductionEmailSystem):
    def process_realtime_email(self, event):
        print("heard of " + str(event["uid"]), flush=True)
        raise ValueError("a bug of the user")


if __name__ == "__main__":
    system = Own(json.loads(sys.argv[1]))
    system.start()
    print("over", system.is_running, flush=True)
"""


def _config(server: Dovecot, user: str, folder: Path, url: str) -> dict[str, Any]:
    """The guide's mapping, and what a test server and a test machine need beside it."""
    return {
        "host": "localhost",
        "username": user,
        "password": PASSWORD,
        "use_ssl": True,
        "port": server.tls_port,
        "webhooks": {
            "endpoints": [
                {
                    "name": "primary_webhook",
                    "url": url,
                    "secret": _SECRET,
                    "filter_sensitive": True,
                    "allow_private": True,
                }
            ]
        },
        "ca_file": str(server.ca_file),
        "data_dir": str(folder / "data"),
        "http": {"port": 0},
        "log": {"file": str(folder / "logs" / "email_processor.log")},
        "report": {"folder": str(folder / "reports")},
    }


@asynccontextmanager
async def _script(folder: Path, config: dict[str, Any]) -> AsyncIterator[Process]:
    path = folder / "script.py"
    path.write_text(_SCRIPT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(path), json.dumps(config)),
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _until_seen(folder: Path) -> None:
    """Wait until the mailbox has been seen for the first time."""
    url = f"sqlite:///{folder / 'data' / 'sage.db'}"
    async with asyncio.timeout(20):
        while not (folder / "data" / "sage.db").exists():
            await asyncio.sleep(0.05)
    storage = await Storage.open(url, blob_dir=folder / "data" / "blobs")
    await System(storage).until_seen("INBOX")
    await storage.close()


async def test_a_script_from_mail_to_webhook_to_sigterm(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A mail arrives, its webhook is signed, the hook of the user hears of it, SIGTERM ends it."""
    async with Receiver() as receiver:
        config = _config(dovecot, dovecot_user, tmp_path, receiver.url)
        async with _script(tmp_path, config) as process:
            await _until_seen(tmp_path)
            await append(dovecot, dovecot_user, mail(1, subject="Grüße", body="4111111111111111"))
            (request,) = await receiver.received(1, timeout=20)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                said, _ = await process.communicate()
            assert process.returncode == 0
    Webhook(_SECRET).verify(request.body, dict(request.headers))
    digest = hmac.new(_SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == f"sha256={digest}"
    event = request.json()["event"]
    assert (event["type"], event["uid"], event["subject"]) == ("new_message", 1, "Grüße")
    assert event["email_content"]["plain_body"].strip() == "[REDACTED]"
    assert b"heard of 1\n" in said
    assert said.rstrip().endswith(b"over False")
    log = (tmp_path / "logs" / "email_processor.log").read_text()
    assert "callback_failed" in log
    for text in (log, said.decode()):
        assert "example.org" not in text
        assert PASSWORD not in text
    (path,) = (tmp_path / "reports").glob("*-final.json")
    report = json.loads(path.read_text())
    assert report["messages"]["total"] == 1
    assert report["webhooks"]["primary_webhook"]["delivered"] == 1
    assert report["detect_to_commit"]["count"] == 1


async def test_in_a_thread_with_an_endpoint_that_hangs(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Beside a running loop, no signal is touched, and shutdown() ends it within the time.

    What was added to the monitors hears of the mail, too, once each.
    """
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    heard: list[dict[str, Any]] = []
    async with Receiver(default=Answer(hang=True)) as receiver:
        config = _config(dovecot, dovecot_user, tmp_path, receiver.url)

        class Own(ProductionEmailSystem):
            def setup_logging(self) -> None:
                return None

            def handle_realtime_event(self, event: dict[str, Any]) -> None:
                heard.append(event)

        system = Own(config)
        system.batch_interval = 0.1
        handled, called = queue.Queue[dict[str, Any]](), queue.Queue[dict[str, Any]]()
        system.realtime_monitor.add_notification_handler(handled.put)
        system.realtime_monitor.add_notification_handler(system.handle_realtime_event)
        system.realtime_monitor.email_monitor.add_callback(called.put)
        thread = threading.Thread(target=system.start)
        thread.start()
        await _until_seen(tmp_path)
        assert system.is_running
        with pytest.raises(RuntimeError, match="runs already"):
            system.start()
        await append(dovecot, dovecot_user, mail(1))
        await receiver.received(1, timeout=20)
        told = [await asyncio.to_thread(each.get, timeout=20) for each in (handled, called)]
        system.shutdown()
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
    assert [(event["type"], event["uid"]) for event in told] == [("new_message", 1)] * 2
    assert [event["type"] for event in heard].count("new_message") == 1
    assert not system.is_running
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    """It raises, nothing runs, and signals are handled as before."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ConfigError, match="did you mean 'password'"):
        ProductionEmailSystem({"host": "localhost", "pasword": "x"}).start()
    system = ProductionEmailSystem(
        {
            "host": "localhost",
            "username": "ada",
            "password": "x",
            "data_dir": str(tmp_path / "data"),
            "words": {"extra": [str(tmp_path / "missing.txt")]},
        }
    )
    system.setup_logging = lambda: None  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=r"missing\.txt"):
        system.start()
    assert not system.is_running
    assert signal.getsignal(signal.SIGTERM) is before
